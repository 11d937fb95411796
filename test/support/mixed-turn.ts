/** A mixed turn, and the client that comes back with its half of it. */

import type { ChatMessage } from "../../src/contract/chat.ts";
import {
  call,
  ChatScene,
  CLIENT_TOOL,
  finish,
  type ModelScript,
  request,
  says,
  text,
} from "./chat-scene.ts";
import { MemoryTurns } from "./memory-stores.ts";

/** The first message of every conversation here. */
export const USER = { role: "user", content: "Hello" };
/** A body that brings a tool of the client. */
export const WITH_CLIENT_TOOL = request({ tools: [CLIENT_TOOL] });

/** A turn that calls a client's tool, a gateway's, and both again. */
export const MIXED: ModelScript = {
  steps: [
    text("Asking."),
    ...call(0, "ask_user", '{"q":1}', "a"),
    ...call(1, "weather", '{"city":"Paris"}', "b"),
    ...call(2, "ask_user", '{"q":2}', "c"),
    ...call(3, "shop_buy", "{}", "d"),
    finish("tool_calls"),
  ],
};

/** The client's results for all its calls of a message. */
export function answers(message: {
  readonly tool_calls: readonly { readonly id: string }[];
}): ChatMessage[] {
  return message.tool_calls.map(({ id }, index) => ({
    role: "tool",
    tool_call_id: id,
    content: `answer ${index}`,
  }));
}

/** A run that ended with a mixed turn. */
export async function mixedTurn(store = new MemoryTurns()): Promise<ChatScene> {
  const scene = new ChatScene({ model: [MIXED], request: WITH_CLIENT_TOOL, store });
  await scene.run();
  return scene;
}

/** The run of a client that comes back with `messages`. */
export async function followUp(store: MemoryTurns, messages: ChatMessage[]): Promise<ChatScene> {
  const scene = new ChatScene({
    model: [says("Thanks.")],
    request: request({ tools: [CLIENT_TOOL], messages }),
    store,
  });
  await scene.run();
  return scene;
}
