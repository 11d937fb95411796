/**
 * Portkey's open-source gateway under test, unmodified, from its own folder and lock file. It is configured by the headers
 * of each request, as its documentation says: provider, custom host, time limit. Its process ends with `stop` or with ours.
 *
 * `@hono/node-server` is held at a version it streams with: with a newer one, which its own range allows, every stream is
 * a 500 (Portkey-AI/gateway#1389).
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

import { installPortkey } from "../../bench/throughput/install-portkey.ts";
import { parseObject, textOf } from "../../dev/http/json.ts";
import { freePort } from "../../dev/start/free-port.ts";
import type { Target } from "./check.ts";
import { GOLDEN_KEY } from "./golden-upstream.ts";

const START_WITHIN_MS = 30_000;
const FIRST_PORT = 8_811;

/** How long a silent provider is waited for: the checks wait ten times as long. */
const GIVE_UP_MS = 1_000;

/** The running gateway. */
export interface Portkey {
  readonly target: Target;
  readonly version: string;
  readonly stop: () => Promise<void>;
}

/** Starts it on a free port of 127.0.0.1. */
export async function startPortkey(upstreamUrl: string): Promise<Portkey> {
  const installed = installPortkey();
  const version = textOf(parseObject(readFileSync(`${installed}package.json`, "utf8")), "version");
  const port = await freePort(FIRST_PORT);
  const child = spawn(
    process.execPath,
    [`${installed}build/start-server.js`, `--port=${port}`, "--headless"],
    {
      cwd: installed,
      stdio: "ignore",
      env: { PATH: process.env["PATH"], NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: "127.0.0.1" },
    },
  );
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", kill);
  const stop = async (): Promise<void> => {
    process.off("exit", kill);
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      kill();
      await gone;
    }
  };
  const baseUrl = `http://127.0.0.1:${port}`;
  const until = performance.now() + START_WITHIN_MS;
  while (!(await answers(baseUrl))) {
    if (performance.now() > until || child.exitCode !== null) {
      await stop();
      throw new Error("Portkey's gateway did not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { target: targetOf(baseUrl, upstreamUrl), version: version ?? "?", stop };
}

async function answers(baseUrl: string): Promise<boolean> {
  return fetch(baseUrl).then(
    () => true,
    () => false,
  );
}

function targetOf(baseUrl: string, upstreamUrl: string): Target {
  const headers = (path: string, key: string) => ({
    authorization: `Bearer ${key}`,
    "x-portkey-provider": path === "/v1/messages" ? "anthropic" : "openai",
    "x-portkey-custom-host": `${upstreamUrl}/v1`,
    "x-portkey-request-timeout": String(GIVE_UP_MS),
  });
  return {
    name: "Portkey",
    baseUrl,
    model: "golden-1",
    headers: (path) => headers(path, GOLDEN_KEY),
    wrongKey: (path) => headers(path, "wrong-key"),
  };
}
