/**
 * A TCP proxy that loses answers: the first connections that get one are cut the moment its first byte arrives, so the
 * server has done the work and the client knows nothing. Later connections pass untouched.
 */

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface DropProxy {
  readonly url: string;
  /** Answers lost so far. */
  dropped(): number;
  close(): Promise<void>;
}

/** Forwards to `target`; the first `losses` answers are lost. */
export async function startDropProxy(target: string, losses: number): Promise<DropProxy> {
  const port = Number(new URL(target).port);
  const open = new Set<Socket>();
  let dropped = 0;
  const server = createServer((client) => {
    const origin = connect(port, "127.0.0.1");
    for (const socket of [client, origin]) {
      open.add(socket);
      // A torn connection is what this proxy is for; `close` follows and ends the other half.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        origin.destroy();
      });
    }
    client.pipe(origin);
    origin.on("data", (bytes: Uint8Array) => {
      if (dropped >= losses) {
        client.write(bytes);
        return;
      }
      dropped += 1;
      client.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    dropped: () => dropped,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
