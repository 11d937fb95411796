/**
 * Propose: the next policy out of the current one and a merge patch (RFC 7396), as a pure function.
 *
 * A patch that names another profile starts from that profile's preset, keeping the tenant's limits and locale. A `null`
 * takes a field back to the preset. The result is parsed by the one strict schema and held against the ceiling.
 */

import { mergePatch } from "../../src/algorithms/merge-patch.ts";
import type { GatewayError } from "../../src/contract/error.ts";
import type { Limits } from "../../src/contract/limits.ts";
import { parse } from "../../src/contract/parse.ts";
import { presetPolicy } from "../../src/contract/policy-preset.ts";
import { Policy, Profile } from "../../src/contract/policy.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { aboveCeiling, cutToCeiling } from "./ceiling.ts";

/** What a proposal is held against. */
export interface ProposalBounds {
  readonly ceiling: Limits;
  /** The deployment's `ROLE`; presets differ by it. */
  readonly role: string;
}

/** The patched policy, or every place of the patch that is wrong. */
export function propose(
  current: Policy,
  patch: JsonObject,
  bounds: ProposalBounds,
): Result<Policy, GatewayError> {
  const profile = parse(Profile, patch["profile"] ?? current.profile);
  // An unknown profile is reported by the full parse below, together with everything else that is wrong.
  const preset = presetFor(profile.ok ? profile.value : current.profile, current.locale, bounds);
  const base = preset.profile === current.profile ? current : { ...preset, limits: current.limits };
  const merged = parse(Policy, mergePatch(preset, mergePatch(base, patch)));
  if (!merged.ok) return fail({ code: "validation_failed", violations: merged.error.violations });
  const hasNewLimits = JSON.stringify(merged.value.limits) !== JSON.stringify(current.limits);
  const violations = hasNewLimits
    ? aboveCeiling(merged.value.limits, bounds.ceiling, "/limits")
    : [];
  return violations.length > 0 ? fail({ code: "unprocessable", violations }) : ok(merged.value);
}

/** The preset of a profile, its limits cut to the operator's ceiling. */
export function presetFor(profile: Profile, locale: string, bounds: ProposalBounds): Policy {
  const preset = presetPolicy(profile, locale, bounds.role);
  return { ...preset, limits: cutToCeiling(preset.limits, bounds.ceiling) };
}
