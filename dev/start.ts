/**
 * `npm start`: the gateway, the scripted model and the sample tools with one command.
 *
 * State stays in `.wrangler/gateway`, secrets and keys in `.local/` (both ignored by git, `.local` readable by its owner
 * only); `STATE_DIRECTORY` puts both elsewhere. `PORT` chooses the port; a busy one gets a message and the next free one. `OPENAI_BASE_URL` and
 * `OPENAI_API_KEY` in `.dev.vars` replace the scripted model by a real provider. Ctrl-C ends every part.
 */

import { join } from "node:path";

import { ROOT } from "./gateway/bundle.ts";
import { randomSecrets, readPrivate, secretsIn, writePrivate } from "./gateway/secrets.ts";
import { textOf, type UnknownObject } from "./http/json.ts";
import type { DemoAccess } from "./provision.ts";
import { freePort } from "./start/free-port.ts";
import { claimState } from "./start/state.ts";
import { providerIn } from "./start/provider.ts";
import { stopRequested } from "./start/stop.ts";
import { startWorld, type World } from "./world.ts";

const DEFAULT_PORT = 8787;

async function start(): Promise<void> {
  const stop = stopRequested();
  const wanted = Number(process.env["PORT"] ?? DEFAULT_PORT);
  const port = await freePort(wanted);
  if (port !== wanted)
    say(`Port ${wanted} is in use, so this gateway takes ${port}. PORT chooses another.`);
  const home = process.env["STATE_DIRECTORY"] ?? ROOT;
  const state = await claimState(join(home, ".local"), join(home, ".wrangler", "gateway"), port);
  for (const note of state.notes) say(note);
  const provider = await providerIn(join(home, ".dev.vars"));
  say("Starting; the first start builds the gateway.");
  let isReady = false;
  const world = await startWorld({
    port,
    secrets: state.secretsFile === null ? randomSecrets() : await secretsIn(state.secretsFile),
    known: accessIn(await readPrivate(state.demoFile)),
    provider,
    onLog: (line) => {
      if (isReady || line.level === "error") say(line.message);
    },
    ...(state.directory === null ? {} : { persistTo: state.directory }),
  });
  try {
    stop.takeOver();
    const { baseUrl, apiKey, operatorKey, tenantId, modelBaseUrl, toolsBaseUrl } = world;
    await writePrivate(state.demoFile, {
      baseUrl,
      apiKey,
      operatorKey,
      tenantId,
      modelBaseUrl,
      toolsBaseUrl,
    });
    say(welcome(world, provider !== null, state.demoFile));
    isReady = true;
    await stop.promise;
    say("\nStopping.");
  } finally {
    await world.close();
    await state.release();
  }
}

function accessIn(file: UnknownObject): DemoAccess | null {
  const operatorKey = textOf(file, "operatorKey");
  const tenantId = textOf(file, "tenantId");
  const apiKey = textOf(file, "apiKey");
  if (operatorKey === null || tenantId === null || apiKey === null) return null;
  return { operatorKey, tenantId, apiKey };
}

function welcome(world: World, isReal: boolean, demoFile: string): string {
  return [
    "",
    "Toolformer Edge is ready. Ctrl-C stops it.",
    "",
    `  base URL   ${world.baseUrl}/v1`,
    `  API key    ${world.apiKey}`,
    `  model      ${world.modelBaseUrl}${isReal ? "" : " (a scripted stand-in, not a language model)"}`,
    `  tools      ${world.toolsBaseUrl}`,
    `  the same   ${demoFile}`,
    "",
    `curl -N ${world.baseUrl}/v1/chat/completions \\`,
    `  -H 'authorization: Bearer ${world.apiKey}' \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '{"model":"scripted-1","stream":true,"messages":[{"role":"user","content":"Weather and events in Lisbon?"}]}'`,
    "",
  ].join("\n");
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await start();
  process.exit(0);
} catch (error) {
  process.stderr.write(
    `npm start failed: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
}
