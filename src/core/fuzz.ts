/**
 * Nonsense for tests, from a seed: short in the ordinary run, as long as ASSAY_FUZZ_SECONDS says in a long one.
 *
 * What fails is told with its seed; ASSAY_FUZZ_SEED runs that one alone.
 */
export type Random = {
  /** A whole number in [0, below). */
  readonly int: (below: number) => number
  readonly pick: <T>(list: readonly T[]) => T
  /** The bytes with a few of them changed, cut, doubled or moved. */
  readonly damage: (bytes: Uint8Array) => Buffer
}

/** Runs `once` with ever new seeds, `runs` times at least. Throws what it throws, with the seed. */
export function fuzz(once: (random: Random) => void, runs = 300): void {
  const { ASSAY_FUZZ_SEED: only, ASSAY_FUZZ_SECONDS: seconds } = process.env
  const end = performance.now() + Number(seconds ?? 0) * 1000
  const first = only === undefined ? (seconds === undefined ? 1 : Date.now() % 2 ** 31) : Number(only)
  for (let run = 0; only === undefined ? run < runs || performance.now() < end : run < 1; run++) {
    try {
      once(randomOf(first + run))
    } catch (cause) {
      throw new Error(`fuzzing failed; run it again with ASSAY_FUZZ_SEED=${first + run}`, { cause })
    }
  }
}

/** mulberry32: small, and good enough to make nonsense. Source: Tommy Ettinger, public domain. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number) => Math.floor(next() * below)
  const pick = <T>(list: readonly T[]): T => list[int(list.length)]!
  const damage = (bytes: Uint8Array) => {
    let damaged: Buffer = Buffer.from(bytes)
    for (let n = int(4); n >= 0; n--) {
      const at = int(damaged.length + 1)
      const length = int(16)
      const rest = damaged.subarray(Math.min(damaged.length, at + length))
      const part = damaged.subarray(at, at + length)
      const how = int(5)
      if (how === 0 && at < damaged.length) damaged[at] = int(256)
      else if (how === 1) damaged = damaged.subarray(0, at)
      else if (how === 2) damaged = Buffer.concat([damaged.subarray(0, at), rest])
      else if (how === 3) damaged = Buffer.concat([damaged.subarray(0, at), part, part, rest])
      else damaged = Buffer.concat([damaged.subarray(0, at), Buffer.from(pick(TROUBLE), 'latin1'), rest])
    }
    return Buffer.from(damaged)
  }
  return { int, pick, damage }
}

/** What parsers stumble over. */
const TROUBLE = [
  '"',
  '\\',
  '\n',
  '\r\n',
  '{',
  '}',
  ',',
  '=',
  ' ',
  '#',
  '\0',
  '\xff',
  '\xc3',
  '9'.repeat(40),
  '-',
  '1e999',
  'NaN',
  '\xff\xff\xff\xff\x0f',
]
