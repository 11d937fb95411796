/**
 * The fastest upstream Node can be: one fixed chat completion, in a process of its own so that it does not share the
 * client's event loop. Prints its port when it listens and ends with its standard input, so it cannot be left behind.
 */

import { createServer } from "node:http";

const ANSWER = JSON.stringify({
  id: "chatcmpl-fixed",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "fixed",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
});

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => {
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": String(ANSWER.length),
    });
    response.end(ANSWER);
  });
});
server.keepAliveTimeout = 120_000;
server.listen({ port: 0, host: "127.0.0.1" }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
process.stdin.resume();
process.stdin.once("end", () => process.exit(0));
