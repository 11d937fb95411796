/**
 * Jurisdiction: the only place that turns a name into a Durable Object stub.
 *
 * An object of a resident tenant is made through `namespace.jurisdiction(x)`, so it runs and stores there and nowhere
 * else. The local runtime does not implement jurisdictions and throws one exact message; in development, and only
 * there, the base namespace is used instead with the jurisdiction written in front of the name. Anything else is
 * rethrown: a deployed Worker fails closed rather than place a resident's object somewhere.
 */

import type { Residency } from "../contract/key.ts";

/** What workerd throws where jurisdictions are not implemented. */
export const NOT_IMPLEMENTED = "Jurisdiction restrictions are not implemented in workerd.";

/** The object called `name` in the residency's jurisdiction. The hint counts only the first time the object is asked for. */
export function objectStub<T extends Rpc.DurableObjectBranded | undefined>(
  env: { readonly ROLE: string },
  namespace: DurableObjectNamespace<T>,
  residency: Residency,
  name: string,
  locationHint?: DurableObjectLocationHint,
): DurableObjectStub<T> {
  const options = locationHint === undefined ? {} : { locationHint };
  if (residency === "none") return namespace.getByName(name, options);
  let inside: DurableObjectNamespace<T>;
  try {
    inside = namespace.jurisdiction(residency);
  } catch (error) {
    if (env.ROLE !== "development" || !isNotImplemented(error)) throw error;
    return namespace.getByName(`${residency}:${name}`, options);
  }
  return inside.getByName(name, options);
}

function isNotImplemented(error: unknown): boolean {
  return error instanceof Error && error.message === NOT_IMPLEMENTED;
}
