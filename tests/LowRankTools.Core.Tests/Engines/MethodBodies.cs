using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace LowRankTools.Core.Tests;

/// <summary>What the methods of a compiled assembly do to types and call, read from their instructions.</summary>
internal sealed class MethodBodies : IDisposable
{
    private static readonly Dictionary<int, OpCode> s_codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(code => (int)(ushort)code.Value);

    private readonly PEReader _file;
    private readonly MetadataReader _metadata;

    public MethodBodies(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>All instructions with an operand that names a type or a member.</summary>
    public IEnumerable<Instruction> Instructions()
    {
        foreach (MethodDefinitionHandle handle in _metadata.MethodDefinitions)
        {
            MethodDefinition method = _metadata.GetMethodDefinition(handle);
            if (method.RelativeVirtualAddress == 0) continue;
            string type = Name(method.GetDeclaringType()), name = _metadata.GetString(method.Name);
            foreach ((OpCode code, EntityHandle token) in Tokens(_file.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!))
            {
                (string targetType, string target, int row) = Target(token);
                yield return new Instruction(type, name, MetadataTokens.GetRowNumber(handle), code, targetType, target, row);
            }
        }
    }

    private static IEnumerable<(OpCode Code, EntityHandle Token)> Tokens(byte[] il)
    {
        for (int at = 0; at < il.Length;)
        {
            int value = il[at++];
            if (value == 0xFE) value = 0xFE00 | il[at++];
            OpCode code = s_codes[value];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineTok)
                yield return (code, MetadataTokens.EntityHandle(BitConverter.ToInt32(il, at)));
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    private (string Type, string Member, int Row) Target(EntityHandle token)
    {
        switch (token.Kind)
        {
            case HandleKind.MethodDefinition:
                MethodDefinition method = _metadata.GetMethodDefinition((MethodDefinitionHandle)token);
                return (Name(method.GetDeclaringType()), _metadata.GetString(method.Name), MetadataTokens.GetRowNumber(token));
            case HandleKind.MemberReference:
                MemberReference member = _metadata.GetMemberReference((MemberReferenceHandle)token);
                return (Name(member.Parent), _metadata.GetString(member.Name), 0);
            case HandleKind.MethodSpecification:
                return Target(_metadata.GetMethodSpecification((MethodSpecificationHandle)token).Method);
            default:
                return (Name(token), "", 0);
        }
    }

    // Without namespaces, which may change; with the types around, which tell closures apart.
    private string Name(EntityHandle type)
    {
        switch (type.Kind)
        {
            case HandleKind.TypeDefinition:
                TypeDefinition definition = _metadata.GetTypeDefinition((TypeDefinitionHandle)type);
                string own = _metadata.GetString(definition.Name);
                return definition.GetDeclaringType() is { IsNil: false } outer ? $"{Name(outer)}+{own}" : own;
            case HandleKind.TypeReference:
                return _metadata.GetString(_metadata.GetTypeReference((TypeReferenceHandle)type).Name);
            case HandleKind.TypeSpecification:
                return Generic(_metadata.GetBlobReader(_metadata.GetTypeSpecification((TypeSpecificationHandle)type).Signature));
            default:
                return "";
        }
    }

    // Of List<T> it is List.
    private string Generic(BlobReader signature)
    {
        const int instance = 0x15;
        if (signature.ReadByte() != instance) return "";
        signature.ReadByte();
        return Name(signature.ReadTypeHandle());
    }

    /// <summary>An instruction.</summary>
    /// <param name="Type">Type that it is in, after the types around that one.</param>
    /// <param name="Method">Method that it is in.</param>
    /// <param name="Row">The method's number in the assembly, which tells overloads apart.</param>
    /// <param name="Code">What it does.</param>
    /// <param name="TargetType">The type that it names, or whose member it names.</param>
    /// <param name="Target">The member; empty where it names a type.</param>
    /// <param name="TargetRow">The member's number, where it is a method of this assembly that is no generic type's; else 0.</param>
    internal readonly record struct Instruction(string Type, string Method, int Row, OpCode Code, string TargetType, string Target, int TargetRow);
}
