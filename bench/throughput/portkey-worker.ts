/**
 * Portkey's open-source gateway as a Worker, so that it is measured in the runtime the gateway runs in.
 *
 * Its package holds a server for Node. The code is left as it is; the HTTP server, the WebSocket server and the Redis
 * client it imports are replaced by pieces that do nothing, and its application is asked directly. Its start prints with
 * timers, which a Worker allows in requests only, so it starts with the first one.
 */

import { builtinModules } from "node:module";

import { build, type Plugin } from "esbuild";

import { installPortkey } from "./install-portkey.ts";

const ENTRY = `
let app;
async function start() {
  globalThis.process.argv = ["node", "start-server.js", "--headless"];
  console.clear = () => {};
  console.log = () => {};
  await import("portkey");
  app = globalThis.portkeyFetch;
}
export default {
  async fetch(request, env, ctx) {
    if (app === undefined) await start();
    return app(request, { TRUSTED_CUSTOM_HOSTS: "127.0.0.1" }, ctx);
  },
};
`;

/** What stands in for the libraries that only a server of its own needs. */
const STAND_INS: Readonly<Record<string, string>> = {
  "@hono/node-server": "export const serve = (it) => { globalThis.portkeyFetch = it.fetch; };",
  "@hono/node-ws":
    "export const createNodeWebSocket = () => ({ injectWebSocket() {}, upgradeWebSocket: () => (c) => c.text('') });",
  ioredis: "export default class {} export class Redis {} export class Cluster {}",
  ws: "export default class {}",
};

/** The Worker as one module. */
export async function portkeyWorker(): Promise<string> {
  const folder = installPortkey();
  const built = await build({
    stdin: { contents: ENTRY, resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    write: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [replaced(`${folder}build/start-server.js`)],
  });
  return built.outputFiles[0]?.text ?? "";
}

function replaced(server: string): Plugin {
  const builtins = new Set(builtinModules);
  return {
    name: "portkey",
    setup(options) {
      options.onResolve({ filter: /./ }, ({ path }) => {
        if (path === "portkey") return { path: server };
        if (path in STAND_INS) return { path, namespace: "stand-in" };
        if (path.startsWith("node:")) return { path, external: true };
        return builtins.has(path) ? { path: `node:${path}`, external: true } : null;
      });
      options.onLoad({ filter: /./, namespace: "stand-in" }, ({ path }) => ({
        contents: STAND_INS[path] ?? "",
      }));
    },
  };
}
