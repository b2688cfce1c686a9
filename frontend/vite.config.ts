import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { firstPaint, scopedName } from "./scripts/first-paint";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const service = process.env.APIKEYS_URL ?? "http://127.0.0.1:8080";

/**
 * Writes a .br and a .gz file next to every text asset, so that the service never compresses at run time. index.html is left
 * out because the service fills in a nonce for each response.
 */
function precompress(): Plugin {
  const brotli = promisify(brotliCompress);
  const gz = promisify(gzip);
  const compressible = new Set([".js", ".css", ".svg", ".json"]);
  return {
    name: "precompress",
    apply: "build",
    async closeBundle() {
      const dist = here("./dist");
      for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !compressible.has(extname(entry.name))) continue;
        const file = join(entry.parentPath, entry.name);
        const content = await readFile(file);
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        await writeFile(`${file}.br`, await brotli(content, best));
        await writeFile(`${file}.gz`, await gz(content, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}

/** Records which chunks import which, outside dist, for scripts/check-size.mjs. */
function chunkGraph(): Plugin {
  return {
    name: "chunk-graph",
    apply: "build",
    async generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).flatMap((output) =>
        output.type === "chunk"
          ? [
              {
                file: output.fileName,
                name: output.name,
                entry: output.isEntry,
                imports: output.imports,
                css: [...(output.viteMetadata?.importedCss ?? [])],
              },
            ]
          : [],
      );
      await mkdir(here("./.vite"), { recursive: true });
      await writeFile(here("./.vite/chunks.json"), `${JSON.stringify(chunks, null, 2)}\n`);
    },
  };
}

export default defineConfig({
  plugins: [react(), firstPaint(), chunkGraph(), precompress()],
  css: { modules: { generateScopedName: scopedName } },
  resolve: { alias: { "@": here("./src") } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // The largest part of the first load, in a file of its own that changes only when React does.
            {
              name: "react",
              test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/,
            },
            // The other libraries. A file is evaluated in one go, and nothing else runs meanwhile, so they get
            // one of their own.
            { name: "libraries", tags: ["$initial"], test: /node_modules/ },
            // The rest of the first load. Without this group it would be split into dozens of files, because every page
            // shares different parts of it, and small files compress badly.
            { name: "first", tags: ["$initial"] },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/auth", "/oauth2", "/.well-known", "/healthz", "/docs", "/openapi.yaml"].map((path) => [path, service]),
    ),
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    // Giving each file a jsdom and a component library of its own took four fifths of the time. Files that share them could
    // come to depend on what another file left behind, so their order is shuffled on every run.
    isolate: false,
    sequence: { shuffle: true },
    // Rendering a whole form takes seconds on a busy machine.
    testTimeout: 30_000,
  },
});
