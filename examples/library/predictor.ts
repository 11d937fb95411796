/**
 * A predictor of one's own: it knows the house rule that whoever asks for the weather of a city wants its events too, and
 * has them looked up while the model still thinks. Written against the package alone.
 *
 *     node examples/library/predictor.ts     (once `npm run build:library` has been run)
 */

import {
  chat,
  createGuessing,
  defineTool,
  type JsonObject,
  type ModelEvent,
  ok,
  type Predictor,
  type Provider,
} from "toolformer-edge";

const CITY = /in (?<city>[A-Z]\w+)/;

/** Foretells a call of `events` for every city that is asked about. */
const houseRule: Predictor = {
  async predict({ messages = null }) {
    const { city } = CITY.exec(lastOf(messages))?.groups ?? {};
    if (city === undefined) return { calls: [] };
    return {
      calls: [{ name: "events", argumentsJson: JSON.stringify({ city }), probability: 0.9 }],
    };
  },
};

function lastOf(messages: JsonObject[string]): string {
  return JSON.stringify(Array.isArray(messages) ? messages.at(-1) : messages);
}

/** A stand-in that thinks for a tenth of a second, asks for the events, and thanks for them. */
const model: Provider = async ({ messages = null }) => ok(turn(lastOf(messages)));

async function* turn(last: string): AsyncGenerator<ModelEvent> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { city } = CITY.exec(last)?.groups ?? {};
  if (city === undefined) {
    yield { type: "delta", delta: { content: "Thank you." } };
    yield { type: "finish", reason: "stop" };
    return;
  }
  yield { type: "call", index: 0, id: "call_0", name: "events" };
  yield { type: "call_arguments", index: 0, delta: JSON.stringify({ city }) };
  yield { type: "finish", reason: "tool_calls" };
}

const events = defineTool({
  name: "events",
  description: "What is on in a city",
  input: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  effect: "read",
  handler: async ({ city }) => {
    await new Promise((resolve) => setTimeout(resolve, 80));
    return `Nothing in ${JSON.stringify(city)}`;
  },
});

// Guesses are a share of the calls that were made, so the first question earns what the second one spends.
const guessing = createGuessing({ predictor: houseRule, budget: 1 });
for (const city of ["Paris", "Tokyo"]) {
  const messages = [{ role: "user", content: `What is on in ${city}?` }];
  const { summary } = await chat(
    { model: "stand-in", messages },
    { provider: model, tools: [events], guessing },
  ).end();
  const { launched = 0, hits = 0, saved_ms = 0 } = summary.speculation ?? {};
  console.log(
    `${city}: ${launched} guessed, ${hits} right, ${saved_ms > 50 ? "time" : "nothing"} saved`,
  );
}
