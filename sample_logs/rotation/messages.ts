/** What the parent and an isolate say to each other. */

import type { PoolKeyName, Rotation } from "./key_pool.ts";

export type Level = "info" | "warning" | "error";

/** What an isolate is told when it boots. The secrets are made up by the parent for one run. */
export interface Boot {
  kind: "boot";
  executionId: string;
  pool: PoolKeyName;
  secrets: Record<string, string>;
  rotation: Rotation;
  picksPerRequest: number;
}

export type ToIsolate = Boot | { kind: "request" };

/** `at` is in milliseconds since the epoch. Every message to an isolate is answered by one `done`. */
export type FromIsolate =
  | { kind: "booted"; executionId: string; at: number }
  | { kind: "console"; executionId: string; at: number; level: Level; message: string }
  | { kind: "done" };
