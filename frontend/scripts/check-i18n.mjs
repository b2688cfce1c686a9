// Fails when a text is missing in one language, is never used, or is used but not defined, and when the languages use
// different placeholders for it.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../src", import.meta.url));
const locales = join(root, "shared/i18n/locales");

function flatten(node, prefix = "") {
  return Object.entries(node).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flatten(value, `${prefix}${key}.`),
  );
}

/** "list.found_other" is a plural form of "list.found". */
const base = (key) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const variables = (text) => [...text.matchAll(/\{\{\s*([\w]+)/g)].map((match) => match[1]);

const problems = [];
const texts = new Map();
for (const file of (await readdir(locales)).filter((name) => name.endsWith(".json"))) {
  texts.set(file.replace(".json", ""), new Map(flatten(JSON.parse(await readFile(join(locales, file), "utf8")))));
}

const languages = [...texts.keys()];
const all = new Set(languages.flatMap((language) => [...texts.get(language).keys()].map(base)));

for (const language of languages) {
  const entries = texts.get(language);
  const present = new Set([...entries.keys()].map(base));
  const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  for (const key of all) {
    if (!present.has(key)) problems.push(`${language}: "${key}" is missing`);
    const plural = languages.some((other) => texts.get(other).has(`${key}_other`));
    for (const category of plural ? categories : []) {
      if (!entries.has(`${key}_${category}`)) problems.push(`${language}: "${key}_${category}" is missing`);
    }
  }
  for (const [key, text] of entries) if (text.trim() === "") problems.push(`${language}: "${key}" is empty`);
}

for (const key of all) {
  const used = languages.map((language) => {
    const forms = [...texts.get(language)].filter(([each]) => base(each) === key);
    return [...new Set(forms.flatMap(([, text]) => variables(text)))]
      .filter((name) => name !== "count")
      .sort()
      .join();
  });
  if (new Set(used).size > 1) problems.push(`"${key}" fills in different values: ${used.join(" | ")}`);
}

const sources = (await readdir(root, { recursive: true })).filter(
  (name) => /\.tsx?$/.test(name) && !/\.(test|gen)\./.test(name),
);
const literals = new Set();
const patterns = [];
for (const name of sources) {
  const source = await readFile(join(root, name), "utf8");
  for (const [, text] of source.matchAll(/"([a-z][\w]*(?:\.[\w/-]+)+)"/gi)) literals.add(text);
  for (const [, text] of source.matchAll(/\btexts\.([\w.]+)/g)) literals.add(text); // markup.tsx has no translator
  for (const [, text] of source.matchAll(/\bt\(\s*`([^`]+)`/g)) {
    const escaped = text.split(/\$\{[^}]+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    patterns.push(new RegExp(`^${escaped.join("[\\w/-]+")}$`));
  }
  for (const [, text] of source.matchAll(/(?:\bt\(\s*|i18nKey=)"([^"]+)"/g)) {
    if (!all.has(text)) problems.push(`${name}: "${text}" is used and nowhere defined`);
  }
}
for (const key of all) {
  if (!literals.has(key) && !patterns.some((pattern) => pattern.test(key))) problems.push(`"${key}" is never used`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${all.size} texts in ${languages.length} languages`);
