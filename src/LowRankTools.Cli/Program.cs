System.Console.WriteLine("lowrank");
