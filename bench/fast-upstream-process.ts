/** Runs fast-upstream.ts in a process of its own. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The running upstream. */
export interface FastUpstream {
  readonly port: number;
  readonly stop: () => void;
}

/** Starts it; it ends with `stop` or with this process. */
export async function startFastUpstream(): Promise<FastUpstream> {
  const file = fileURLToPath(new URL("fast-upstream.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (chunk: Uint8Array) => {
      resolve(Number(Buffer.from(chunk).toString("utf8")));
    });
    child.once("error", reject);
  });
  return { port, stop: () => child.stdin.end() };
}
