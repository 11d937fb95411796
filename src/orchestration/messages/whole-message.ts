/** A run as one whole Anthropic message: the same events as its stream, collected. */

import type { ChatEvent } from "../../contract/chat.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { MessageBlocks, type MessageEvent, type RunningEvent } from "./message-blocks.ts";

/** Collects one message. */
export class WholeMessage {
  readonly #blocks = new MessageBlocks();
  readonly #content: Record<string, Json>[] = [];
  #message: JsonObject = {};
  #arguments = "";

  /** Takes one event of the run. */
  take(event: RunningEvent): void {
    for (const one of this.#blocks.take(event)) this.#add(one);
  }

  /** The message, once the run has finished. */
  end(event: Extract<ChatEvent, { type: "finished" }>): JsonObject {
    for (const one of this.#blocks.end(event)) this.#add(one);
    return { ...this.#message, content: this.#content };
  }

  #add(event: MessageEvent): void {
    switch (event.type) {
      case "message_start":
        this.#message = objectOf(event["message"]);
        break;
      case "content_block_start":
        this.#arguments = "";
        this.#content.push({ ...objectOf(event["content_block"]) });
        break;
      case "content_block_delta":
        this.#extend(objectOf(event["delta"]));
        break;
      case "content_block_stop":
        if (this.#arguments !== "") this.#set("input", parseObject(this.#arguments));
        break;
      case "message_delta": {
        const { delta, usage = {}, x_gw = null } = event;
        this.#message = { ...this.#message, ...objectOf(delta), usage, x_gw };
        break;
      }
      default:
        break;
    }
  }

  #extend({ text, thinking, signature, partial_json }: JsonObject): void {
    if (typeof partial_json === "string") this.#arguments += partial_json;
    for (const [name, piece] of Object.entries({ text, thinking, signature })) {
      const before = this.#content.at(-1)?.[name];
      if (typeof piece === "string")
        this.#set(name, `${typeof before === "string" ? before : ""}${piece}`);
    }
  }

  #set(name: string, value: Json): void {
    const block = this.#content.at(-1);
    if (block !== undefined) block[name] = value;
  }
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** A call's arguments; text that is no object cannot be shown as one and stays readable. */
function parseObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : { arguments: text };
  } catch {
    return { arguments: text };
  }
}
