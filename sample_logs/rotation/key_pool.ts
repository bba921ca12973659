/**
 * A pool of API keys: random start, then round robin.
 *
 * The state below is module state. An edge function loads this module once per isolate, so every isolate has
 * its own start and its own turn, and forgets both when it ends. Two isolates never share a counter: what keeps
 * the keys even across many short-lived isolates is the random start alone.
 */

/** Which numbered secrets belong to which pool. */
export const keyMapping = {
  GOOGLE_AI_STUDIO_KEY_CHAT: [1, 2],
  GOOGLE_AI_STUDIO_KEY_ARTIFACT: [3, 4, 5, 6],
  GOOGLE_AI_STUDIO_KEY_IMAGE: [7, 8, 9, 10],
} as const satisfies Record<string, readonly number[]>;

export type PoolKeyName = keyof typeof keyMapping;

/** Reads one secret. A deployed function passes `(name) => Deno.env.get(name)`. */
export type SecretLookup = (name: string) => string | undefined;

/** How the pool chooses. `first` and `stuck` are faults, here so that their logs can be produced. */
export interface Rotation {
  /** Where an isolate begins: at a random key (as designed), or always at the first one. */
  start: "random" | "first";
  /** What follows a pick: the next key (as designed), or the same key again. */
  advance: "next" | "stuck";
}

export const designedRotation: Rotation = { start: "random", advance: "next" };

const keyFormat = /^AIzaSy[0-9A-Za-z_-]{33}$/;

/** Index of the next pick of each pool; a pool without an entry has not been used in this isolate. */
const nextIndex = new Map<PoolKeyName, number>();

/**
 * Choose the key for one call and log the choice.
 *
 * Secrets that are not set are skipped, and the others move up. The label in the log is the mapping's entry at
 * the position among the keys that are *present*: with secret 3 of 3-6 missing, keys 4, 5 and 6 are logged as
 * 3, 4 and 5, at positions 1 to 3 of 3. The logs of the described system do the same, so it is kept here: a pool
 * size below the declared one is the sign of it.
 *
 * @throws {Error} when none of the pool's secrets is set.
 */
export function getApiKey(
  name: PoolKeyName,
  readSecret: SecretLookup,
  rotation: Rotation = designedRotation,
): string {
  const numbers: readonly number[] = keyMapping[name];
  const secretNames = numbers.map((number) => `GOOGLE_KEY_${number}`);
  const keys = secretNames.map(readSecret).filter((value): value is string => Boolean(value));
  if (keys.length === 0) {
    throw new Error(`${name} not configured. Required secrets: ${secretNames.join(", ")}`);
  }

  const index = takeIndex(name, keys.length, rotation);
  const key = keys[index];
  const pool = poolName(name);
  console.log(`🔑 Using ${secretNames[index]} (position ${index + 1}/${keys.length} in pool)`);
  if (!keyFormat.test(key)) {
    console.warn(
      `⚠️ Invalid API key format detected in ${pool} pool. ` +
        "Expected format: AIzaSy... (39 characters). Check your secrets configuration.",
    );
  }
  console.log(`🔑 Using key pool: ${pool} (${keys.length} keys available)`);
  return key;
}

/** The short name of a pool, as it is logged: `CHAT` for `GOOGLE_AI_STUDIO_KEY_CHAT`. */
export function poolName(name: PoolKeyName): string {
  return name.slice(name.lastIndexOf("_") + 1);
}

/**
 * A uniform random integer in 0 .. size - 1.
 *
 * The plain remainder of a 32-bit number favours the low results whenever `size` does not divide 2^32; numbers
 * above the last full multiple of `size` are therefore drawn again.
 */
export function randomBelow(size: number): number {
  const limit = Math.floor(2 ** 32 / size) * size;
  const draw = new Uint32Array(1);
  do {
    crypto.getRandomValues(draw);
  } while (draw[0] >= limit);
  return draw[0] % size;
}

/** The index of this pick. Synchronous, so that concurrent requests of one isolate still take turns. */
function takeIndex(name: PoolKeyName, size: number, rotation: Rotation): number {
  const index = nextIndex.get(name) ?? (rotation.start === "random" ? randomBelow(size) : 0);
  nextIndex.set(name, rotation.advance === "next" ? (index + 1) % size : index);
  // The pool may have become smaller since the index was stored: a secret can be removed at any time.
  return index % size;
}
