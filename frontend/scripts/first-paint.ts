import { createHash } from "node:crypto";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { build, type Plugin } from "vite";
import { FirstPaint } from "../src/first-paint/markup";
import en from "../src/shared/i18n/locales/en.json";
import portuguese from "../src/shared/i18n/locales/pt-BR.json";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const locales = { en, "pt-BR": portuguese };

const classOf = (module: string, name: string) => `${module}_${name}`;

const files = new Map<string, string>();

/** Names classes after their module, so that the markup in index.html can name them too. No two modules may share a name. */
export function scopedName(name: string, file: string): string {
  const module = basename(file, ".module.css");
  const known = files.get(module) ?? file;
  if (known !== file) throw new Error(`${known} and ${file} would share their classes`);
  files.set(module, file);
  return classOf(module, name);
}

/** The script in the head of the page: bundled by itself, as it runs before anything that it could import has arrived. */
async function bundleScript(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    resolve: { alias: { "@": here("../src") } },
    build: {
      target: "es2022",
      write: false,
      rolldownOptions: { input: here("../src/first-paint/first-paint.ts"), output: { format: "iife" } },
    },
  });
  const [bundle] = Array.isArray(result) ? result : [result];
  if (!bundle || !("output" in bundle)) throw new Error("first-paint.ts was not built");
  return bundle.output[0].code;
}

/** Puts the first paint into index.html: its script, and what it shows in each language. */
export function firstPaint(): Plugin {
  let script = "";
  return {
    name: "first-paint",
    apply: "build",
    async generateBundle() {
      const source = await bundleScript();
      const hash = createHash("sha256").update(source).digest("base64url").slice(0, 8);
      script = `assets/first-paint-${hash}.js`;
      this.emitFile({ type: "asset", fileName: script, source });
    },
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const texts = Object.keys(locales).map((language) => {
          const chunk = Object.values(bundle).find(
            (output) => output.type === "chunk" && output.facadeModuleId?.endsWith(`/locales/${language}.json`),
          );
          if (!chunk) throw new Error(`the texts of ${language} have no chunk of their own`);
          return [`data-texts-${language}`, `/${chunk.fileName}`];
        });
        const markup = Object.entries(locales).map(([language, texts]) =>
          renderToStaticMarkup(createElement(FirstPaint, { language, texts, classOf })),
        );
        return {
          html: html.replace('<div id="root">', `$&${markup.join("")}`),
          tags: [
            {
              tag: "script",
              attrs: { src: `/${script}`, ...Object.fromEntries(texts) },
              injectTo: "head-prepend",
            },
          ],
        };
      },
    },
  };
}
