/** What describes the service itself: `/openapi.json`, `/docs` and `/.well-known/security.txt`. */

import { Hono } from "hono";

import { referencePage } from "../docs-page.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { answerTagged } from "../entity-tag.ts";
import document from "../openapi.generated.json" with { type: "json" };

/** How long security.txt may be relied on; RFC 9116 §2.5.5 recommends less than a year. */
const SECURITY_TXT_DAYS = 180;

const DAY_MS = 86_400_000;

/** Routes that describe the service. */
export const reference = new Hono<EdgeEnv>()
  .get("/openapi.json", (c) =>
    answerTagged(c, JSON.stringify(document), { cacheability: "public, no-cache" }),
  )
  .get("/docs", async (c) => {
    const contentType = "text/html; charset=utf-8";
    const page = referencePage(document);
    const answer = await answerTagged(c, page, { contentType, cacheability: "public, no-cache" });
    answer.headers.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    return answer;
  })
  .get("/.well-known/security.txt", (c) => c.text(securityTxt(Date.now())));

/** RFC 9116. The day is rounded down, so the text changes once a day. */
function securityTxt(nowMs: number): string {
  const today = nowMs - (nowMs % DAY_MS);
  const expires = new Date(today + SECURITY_TXT_DAYS * DAY_MS).toISOString();
  return [
    "Contact: mailto:security@toolformer-edge.dev",
    `Expires: ${expires}`,
    "Preferred-Languages: en",
    "",
  ].join("\n");
}
