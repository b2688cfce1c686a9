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

/** The placeholder that the service and nginx replace with the nonce of each response. */
const nonce = "__CSP_NONCE__";

const files = new Map<string, string>();

/** Names classes after their module, so that the markup in index.html can use them too. Module names must be unique. */
export function scopedName(name: string, file: string): string {
  const module = basename(file, ".module.css");
  const known = files.get(module) ?? file;
  if (known !== file) throw new Error(`${known} and ${file} would share their classes`);
  files.set(module, file);
  return classOf(module, name);
}

/**
 * Bundles a part of the page's head as a self-contained file, because it runs before anything it could import has arrived.
 * Returns its code and its styles.
 */
async function bundleHead(entry: string, format: "es" | "iife"): Promise<{ code: string; css: string }> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    css: { modules: { generateScopedName: scopedName } },
    resolve: { alias: { "@": here("../src") } },
    build: {
      target: "es2022",
      write: false,
      assetsInlineLimit: 0, // as in the console, whose fonts these are
      rolldownOptions: {
        input: here(entry),
        output: { format },
        preserveEntrySignatures: "strict", // keeps code that the entry doesn't export, and its styles with it
      },
    },
  });
  const [bundled] = Array.isArray(result) ? result : [result];
  if (!bundled || !("output" in bundled)) throw new Error(`${entry} was not built`);
  let [code, css] = ["", ""];
  for (const output of bundled.output) {
    if (output.type === "chunk") code += output.code;
    else if (output.fileName.endsWith(".css")) css += output.source;
  }
  return { code, css };
}

/**
 * Puts the first paint into index.html: its styles, its script, and its markup in each language. The script loads the
 * console's own styles, because nothing is painted until the stylesheets that the parser finds in the head have arrived.
 */
export function firstPaint(): Plugin {
  return {
    name: "first-paint",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      async handler(html, { bundle = {} }) {
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
        const { css } = await bundleHead("../src/first-paint/styles.ts", "es");
        const { code } = await bundleHead("../src/first-paint/first-paint.ts", "iife");
        for (const [, file] of css.matchAll(/url\(\/([^)]+)\)/g)) {
          if (!file || !(file in bundle))
            throw new Error(`the styles of the first paint ask for ${file}, which is not there`);
        }
        const [link, styles] = html.match(/ *<link rel="stylesheet"[^>]* href="([^"]+)">\n/) ?? [];
        if (!link || !styles) throw new Error("index.html has no stylesheet");
        // The entry's imports come before the entry itself, in the order in which Vite lists them.
        const [entry, src] = html.match(/ *<script type="module"[^>]* src="([^"]+)"><\/script>\n/) ?? [];
        if (!entry || !src) throw new Error("index.html has no script");
        const preloads = / *<link rel="modulepreload"[^>]* href="([^"]+)">\n/g;
        const scripts = [...[...html.matchAll(preloads)].map(([, href]) => href), src];
        return {
          html: html
            .replace(link, "")
            .replace(entry, "")
            .replace(preloads, "")
            .replace('<div id="root">', `$&${markup.join("")}`),
          tags: [
            { tag: "style", attrs: { nonce }, children: css, injectTo: "head" },
            {
              tag: "script",
              attrs: { nonce, "data-styles": styles, "data-scripts": scripts.join(" "), ...Object.fromEntries(texts) },
              children: code,
              injectTo: "head",
            },
          ],
        };
      },
    },
  };
}
