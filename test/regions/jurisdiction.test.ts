import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import type { Residency } from "../../src/contract/key.ts";
import { NOT_IMPLEMENTED, objectStub } from "../../src/regions/jurisdiction.ts";

/** Notes what is asked of a namespace; `jurisdiction` behaves as `inside` says. */
function spiedNamespace(inside: () => void) {
  const asked: string[] = [];
  const base = env.TENANT_GATE;
  const noteName = (where: string) => (name: string) => {
    asked.push(`${where}:${name}`);
    return base.getByName(name);
  };
  const namespace = {
    getByName: noteName("base"),
    jurisdiction: (jurisdiction: string) => {
      asked.push(`jurisdiction ${jurisdiction}`);
      inside();
      return { ...spied, getByName: noteName(jurisdiction) };
    },
  };
  const spied = Object.assign(Object.create(base), namespace);
  return { namespace: spied, asked };
}

const RESIDENT: readonly Residency[] = ["eu", "us", "fedramp"];

describe("objectStub", () => {
  it.each(RESIDENT)(
    "makes an object of a %s tenant through that jurisdiction only",
    (residency) => {
      const { namespace, asked } = spiedNamespace(() => {});
      objectStub({ ROLE: "region" }, namespace, residency, "name");
      expect(asked).toEqual([`jurisdiction ${residency}`, `${residency}:name`]);
    },
  );

  it("asks no jurisdiction for a tenant without residency", () => {
    const { namespace, asked } = spiedNamespace(() => {});
    objectStub({ ROLE: "region" }, namespace, "none", "name", "apac");
    expect(asked).toEqual(["base:name"]);
  });

  it.each(["objects", "region", "router", ""])(
    "fails closed in the role %j when the runtime has no jurisdictions",
    (ROLE) => {
      const { namespace, asked } = spiedNamespace(() => {
        throw new Error(NOT_IMPLEMENTED);
      });
      expect(() => objectStub({ ROLE }, namespace, "eu", "name")).toThrow(NOT_IMPLEMENTED);
      expect(asked).toEqual(["jurisdiction eu"]);
    },
  );

  it("puts the jurisdiction before the name in development", () => {
    const { namespace, asked } = spiedNamespace(() => {
      throw new Error(NOT_IMPLEMENTED);
    });
    objectStub({ ROLE: "development" }, namespace, "eu", "name");
    expect(asked).toEqual(["jurisdiction eu", "base:eu:name"]);
  });

  it.each([
    new Error("Invalid jurisdiction."),
    new Error(`${NOT_IMPLEMENTED} `),
    new TypeError("namespace is undefined"),
  ])("rethrows anything else in development too: %s", (failure) => {
    const { namespace, asked } = spiedNamespace(() => {
      throw failure;
    });
    expect(() => objectStub({ ROLE: "development" }, namespace, "us", "name")).toThrow(failure);
    expect(asked).toEqual(["jurisdiction us"]);
  });

  it("separates jurisdictions on this runtime, which still refuses them with the known message", () => {
    expect(() => env.TENANT_GATE.jurisdiction("eu")).toThrow(NOT_IMPLEMENTED);
    const names = (["none", ...RESIDENT] as const).map((residency) =>
      objectStub(env, env.TENANT_GATE, residency, "same").id.toString(),
    );
    expect(new Set(names).size).toBe(4);
  });
});
