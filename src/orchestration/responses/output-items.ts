/** The items of one response as they grow: each has its place from the moment it is added, and its last shape when done. */

import type { ResponseEvent, ResponseObject } from "../../contract/response.ts";
import type { Json, JsonObject } from "../../platform/canonical-json.ts";

/** An event before it has its number. */
export type UnnumberedEvent = {
  readonly type: ResponseEvent["type"];
  readonly [field: string]: Json | ResponseObject | undefined;
};

/** One item that was added and is not done yet. */
export interface Draft {
  /** What has been written into it so far, for whoever writes it. */
  text: string;
  /** `response.output_item.added`. */
  added(): UnnumberedEvent;
  /** An event of this item. */
  event(type: ResponseEvent["type"], fields?: JsonObject): UnnumberedEvent;
  /** `response.output_item.done`, with the fields that have changed. */
  done(changed: JsonObject): UnnumberedEvent;
}

/** The items of one response. Ids are made of the response's own, so that either leads to the other. */
export class OutputItems {
  readonly #suffix: string;
  readonly #output: JsonObject[] = [];

  constructor(responseId: string) {
    this.#suffix = responseId.slice(responseId.indexOf("_") + 1);
  }

  /** All items in order, as far as they are. */
  get output(): readonly JsonObject[] {
    return this.#output;
  }

  /** Adds an item under a new id. */
  add(prefix: string, fields: JsonObject): Draft {
    return this.addNamed(`${prefix}_${this.#suffix}_${this.#output.length}`, fields);
  }

  /** Adds an item whose id is given. */
  addNamed(id: string, fields: JsonObject): Draft {
    const output = this.#output;
    const output_index = output.length;
    let item: JsonObject = { id, ...fields };
    output.push(item);
    return {
      text: "",
      added: () => ({ type: "response.output_item.added", output_index, item }),
      event: (type, more = {}) => ({ type, output_index, item_id: id, ...more }),
      done(changed) {
        item = { ...item, ...changed };
        output[output_index] = item;
        return { type: "response.output_item.done", output_index, item };
      },
    };
  }
}

/** The response an item's id was made of, or null when it is no id of ours. */
export function responseOfItem(itemId: string): string | null {
  const suffix = /^(?:msg|rs|fc|mcp|mcpl)_([0-9A-Za-z]{22})_\d{1,5}$/.exec(itemId)?.[1];
  return suffix === undefined ? null : `resp_${suffix}`;
}
