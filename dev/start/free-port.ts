/** Finds a free TCP port on loopback. */

import { createServer } from "node:net";

/** Ports tried after the wanted one. */
const MAX_TRIES = 50;

/** The first free port from `wanted` on; throws when none of the next fifty is free or the number is no port. */
export async function freePort(wanted: number): Promise<number> {
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535)
    throw new Error("PORT is not a port number");
  for (let port = wanted; port < Math.min(wanted + MAX_TRIES, 65_536); port += 1) {
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${wanted} to ${wanted + MAX_TRIES - 1} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => {
      resolve(false);
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
