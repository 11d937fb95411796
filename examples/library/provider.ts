/**
 * A provider of one's own: a "model" that is a few lines of rules. It asks for the weather of every city it is told of, all
 * at once, and then says what it was told. Written against the package alone.
 *
 *     node examples/library/provider.ts     (once `npm run build:library` has been run)
 */

import { chat, defineTool, type ModelEvent, ok, type Provider } from "toolformer-edge";

const CITIES = ["Paris", "Berlin", "Tokyo"];

const rules: Provider = async (body, signal) => {
  const messages = Array.isArray(body["messages"]) ? body["messages"] : [];
  return ok(
    answer(
      messages.map((message) => JSON.stringify(message)),
      signal,
    ),
  );
};

async function* answer(
  messages: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  const results = messages.filter((message) => message.includes('"role":"tool"'));
  if (results.length > 0) {
    yield { type: "delta", delta: { content: `I have ${results.length} answers.` } };
    yield { type: "finish", reason: "stop" };
    return;
  }
  const named = CITIES.filter((city) => messages.some((message) => message.includes(city)));
  for (const [index, city] of named.entries()) {
    if (signal.aborted) return;
    yield { type: "call", index, id: `call_${index}`, name: "weather" };
    yield { type: "call_arguments", index, delta: JSON.stringify({ city }) };
  }
  yield { type: "finish", reason: named.length > 0 ? "tool_calls" : "stop" };
}

const weather = defineTool({
  name: "weather",
  description: "The weather of a city",
  input: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  effect: "read",
  handler: async ({ city }, { signal }) => {
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
    return { city, sky: "clear" };
  },
});

const { text, summary, finishReason } = await chat(
  { model: "rules", messages: [{ role: "user", content: "How is it in Paris and Tokyo?" }] },
  { provider: rules, tools: [weather] },
).end();

console.log(`${text} (${finishReason}, ${summary.turns} turns, ${summary.calls} calls)`);
