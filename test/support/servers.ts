/**
 * Starts the servers at the far end of every test, over real HTTP on loopback and free ports, and stops them afterwards.
 * Tests read their addresses with `inject("servers")`.
 */

import type { TestProject } from "vitest/node";

import { startModelServer } from "../../dev/model-server.ts";
import { startToolServer } from "../../dev/tool-server.ts";
import { startFaultOrigin } from "./fault-origin.ts";
import { startMcpOrigin } from "./mcp-origin.ts";
import { readSharedData } from "./shared-data.ts";

/** A running server of a test. */
export interface RunningServer {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

/** Every server the tests may talk to; each listens on 127.0.0.1 and a free port. */
const SERVERS: readonly (() => Promise<RunningServer>)[] = [
  async () => ({ name: "model", ...(await startModelServer()) }),
  async () => ({ name: "tools", ...(await startToolServer()) }),
  startFaultOrigin,
  startMcpOrigin,
];

declare module "vitest" {
  interface ProvidedContext {
    /** Base URL by server name, without a trailing slash. */
    servers: Record<string, string>;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = await Promise.all(SERVERS.map((start) => start()));
  project.provide(
    "servers",
    Object.fromEntries(running.map((server) => [server.name, server.url])),
  );
  project.provide("shared", readSharedData());
  return async () => {
    await Promise.all(running.map((server) => server.close()));
  };
}
