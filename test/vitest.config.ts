/** Runs the tests inside workerd with the bindings of wrangler.toml. Storage is isolated per file, not per test. */

import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

// The secrets that wrangler.toml requires, where its tooling looks for them.
Object.assign(process.env, {
  KEY_PEPPERS: "v1:dGVzdC1wZXBwZXItdGVzdC1wZXBwZXItdGVzdC1wZXA",
  MASTER_KEYS: "v1:dGVzdC1tYXN0ZXIta2V5LXRlc3QtbWFzdGVyLWtleTE",
  BOOTSTRAP_SECRET: "test-bootstrap-secret",
});

/** Pure code keeps nothing between tests, so its files share one worker; starting one for each costs most of their time. */
const PURE = [
  "test/{algorithms,contract,orchestration,platform,regions,resilience,telemetry,tools,upstream}/**/*.test.ts",
  "test/durable-objects/tenant-gate/*.test.ts",
];

function workerd() {
  return cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } });
}

export default defineConfig({
  test: {
    root: ".",
    projects: [
      {
        extends: true,
        plugins: [workerd()],
        test: { name: "pure", include: PURE, isolate: false },
      },
      {
        extends: true,
        plugins: [workerd()],
        test: {
          name: "rooms",
          include: ["test/**/*.test.ts"],
          exclude: [...PURE, "test/conformance/**", "test/node/**", "test/simulation/**"],
        },
      },
    ],
    globalSetup: ["test/support/servers.ts"],
    silent: "passed-only",
    // The first test in a file pays worker start-up: 1.1 s idle, over 5 s on a loaded 2-core machine.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "istanbul",
      include: ["src/**/*.ts", "durable-objects/**/*.ts"],
      reporter: ["text-summary", "json-summary", "text"],
      reportsDirectory: "coverage",
      thresholds: { lines: 85, branches: 85 },
    },
  },
});
