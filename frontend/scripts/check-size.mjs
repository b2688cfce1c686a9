// Enforces the budget for the first load: the JavaScript and CSS that the list needs, compressed with Brotli
// as the service sends them.
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BUDGET_KB = 195;
/** The texts of one language are part of the first load; the larger of the two counts. */
const LOCALES = ["en", "pt-BR"];

const root = fileURLToPath(new URL("..", import.meta.url));
const chunks = JSON.parse(await readFile(join(root, ".vite/chunks.json"), "utf8"));
const byFile = new Map(chunks.map((chunk) => [chunk.file, chunk]));

const files = new Set();
function collect(chunk) {
  if (files.has(chunk.file)) return;
  // The build omits an entry that only imports another chunk; the page then refers to that chunk directly.
  if (existsSync(join(root, "dist", chunk.file))) files.add(chunk.file);
  for (const css of chunk.css) files.add(css);
  for (const imported of chunk.imports) collect(byFile.get(imported));
}
for (const chunk of chunks) if (chunk.entry) collect(chunk);

const compressed = async (file, encoding) => (await stat(join(root, "dist", `${file}.${encoding}`))).size;

async function total(encoding) {
  const sizes = await Promise.all([...files].map((file) => compressed(file, encoding)));
  const locales = chunks.filter((chunk) => LOCALES.includes(chunk.name));
  const localeSizes = await Promise.all(locales.map((chunk) => compressed(chunk.file, encoding)));
  return (sizes.reduce((sum, size) => sum + size, 0) + Math.max(0, ...localeSizes)) / 1024;
}

const [brotli, gzip] = [await total("br"), await total("gz")];
console.log(
  `First load: ${brotli.toFixed(1)} KB Brotli, ${gzip.toFixed(1)} KB gzip, in ${files.size + 1} files; the budget is ${BUDGET_KB} KB for either.`,
);
if (Math.max(brotli, gzip) > BUDGET_KB) {
  console.error("The first load is over its budget.");
  process.exit(1);
}
