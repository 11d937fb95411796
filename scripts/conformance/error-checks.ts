/** Refusals and failures: the status, OpenAI's envelope, and nothing that does not belong there. */

import { isObject, objectOf, parseJson, textOf } from "../../dev/http/json.ts";
import { ask, golden, missing, shown, type Answer } from "./ask.ts";
import { fails, OK, type Check, type Outcome, type Scene } from "./check.ts";

const PATH = "/v1/chat/completions";

/** What a stack or a proxy's page leaves behind. */
const TRACES = /\bat .+:\d+:\d+|node_modules|<html/i;

/** Judges an error: one of `statuses`, OpenAI's envelope as JSON, no traces. */
function envelope(answer: Answer, statuses: readonly number[]): Outcome {
  if (answer.end === "waited") return fails("no answer within 10 s");
  if (!statuses.includes(answer.status)) return fails(shown(answer));
  const error = objectOf(answer.json, "error");
  if (textOf(error, "message") === null || textOf(error, "type") === null)
    return fails(`no error envelope: ${shown(answer)}`);
  return TRACES.test(answer.text) ? fails(`shows its insides: ${shown(answer)}`) : OK;
}

async function failing(
  scene: Scene,
  name: string,
  stream: boolean,
  statuses: readonly number[],
): Promise<Outcome> {
  return envelope(await ask(scene, PATH, golden(scene, name, { stream })), statuses);
}

/** The same for a request that streams and one that does not; the first that differs is told. */
async function both(
  scene: Scene,
  name: string,
  statuses: readonly number[],
  more: (answer: Answer) => Outcome = () => OK,
): Promise<Outcome> {
  for (const stream of [false, true]) {
    const answer = await ask(scene, PATH, golden(scene, name, { stream }));
    for (const outcome of [envelope(answer, statuses), more(answer)])
      if (outcome.kind === "fails")
        return fails(`${stream ? "streamed" : "not streamed"}: ${outcome.why}`);
  }
  return OK;
}

function keepsRetryAfter({ headers }: Answer): Outcome {
  const value = headers.get("retry-after");
  return value === "7" ? OK : fails(`retry-after is ${String(value)}`);
}

async function wrongKey(scene: Scene): Promise<Outcome> {
  const headers = scene.target.wrongKey(PATH);
  return envelope(await ask(scene, PATH, golden(scene, "text"), { headers }), [401]);
}

async function brokenBody(scene: Scene): Promise<Outcome> {
  const answer = await ask(scene, PATH, '{"model": "golden-1", "messages": [');
  return missing(answer, PATH) ?? envelope(answer, [400, 422]);
}

async function models(scene: Scene): Promise<Outcome> {
  const path = "/v1/models";
  const answer = await ask(scene, path, null, { method: "GET" });
  if (answer.status !== 200) return missing(answer, path) ?? fails(shown(answer));
  const value = parseJson(answer.text);
  return isObject(value) && value["object"] === "list" && Array.isArray(value["data"])
    ? OK
    : fails(shown(answer));
}

/** The checks. */
export const ERROR_CHECKS: readonly Check[] = [
  { area: "errors", claim: "a wrong key: 401 in the envelope", run: wrongKey },
  { area: "errors", claim: "a body that is no JSON: 400 or 422 in the envelope", run: brokenBody },
  {
    area: "errors",
    claim: "a provider's 400: a 4xx in the envelope",
    run: (scene) => both(scene, "status-400", [400, 422]),
  },
  {
    area: "errors",
    claim: "a provider's 429: 429 in the envelope, its Retry-After kept",
    run: (scene) => both(scene, "status-429", [429], keepsRetryAfter),
  },
  {
    area: "errors",
    claim: "a provider's 500: a 5xx in the envelope",
    run: (scene) => both(scene, "status-500", [500, 502, 503]),
  },
  {
    area: "errors",
    claim: "a proxy's HTML page instead of an answer: a 5xx in the envelope, without the page",
    run: (scene) => both(scene, "html-502", [500, 502, 503]),
  },
  {
    area: "errors",
    claim: "an answer that is no JSON: a 5xx in the envelope",
    run: (scene) => failing(scene, "garbage", false, [500, 502]),
  },
  {
    area: "errors",
    claim: "a connection the provider drops before a header: a 5xx in the envelope",
    run: (scene) => both(scene, "no-answer", [500, 502, 503]),
  },
  {
    area: "errors",
    claim: "a provider that never answers: 408 or 504 in the envelope within the configured time",
    run: (scene) => both(scene, "silent", [408, 504]),
  },
  { area: "errors", claim: "GET /v1/models is a list", run: models },
];
