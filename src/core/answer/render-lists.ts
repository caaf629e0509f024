/** What is stored, listed as Prometheus' HTTP API lists it: names, values, label sets; as bytes, in pieces as a query's answer. */
import type { Labels } from '../labels.ts'
import { JsonBytes, type Piece } from './json-bytes.ts'
import { type Body, caveatsJson } from './render-answer.ts'

const LABELS_BYTES = 256
const TEXT_BYTES = 24
/** Texts that are written at once: some 10 KB. */
const TEXTS_AT_ONCE = 500

/** A body with a list of texts. */
export function renderTexts(texts: readonly string[], warnings: readonly string[] = []): Body {
  return listed(texts.length, TEXT_BYTES, warnings, function* (out) {
    for (let from = 0; from < texts.length; from += TEXTS_AT_ONCE) {
      out.members(texts.length <= TEXTS_AT_ONCE ? texts : texts.slice(from, from + TEXTS_AT_ONCE), from === 0)
      if (out.hasFull) yield* out.takeFull()
    }
  })
}

/** A body with a list of label sets. */
export function renderLabelSets(sets: readonly Labels[], warnings: readonly string[] = []): Body {
  return listed(sets.length, LABELS_BYTES, warnings, function* (out) {
    for (let i = 0; i < sets.length; i++) {
      out.ascii(i === 0 ? '[' : ',')
      out.labels(sets[i]!)
      if (out.hasFull) yield* out.takeFull()
    }
  })
}

/** `write`: the members, what parts them, and the bracket before the first. */
function listed(
  count: number,
  eachBytes: number,
  warnings: readonly string[],
  write: (out: JsonBytes) => Iterable<Piece>,
): Body {
  const caveats = caveatsJson(warnings, [])
  return {
    points: count,
    *pieces() {
      const out = new JsonBytes(64 + count * eachBytes + caveats.length)
      out.ascii('{"status":"success","data":')
      if (count === 0) out.ascii('[')
      yield* write(out)
      out.ascii(']')
      out.tail(caveats)
      yield* out.takeAll()
    },
  }
}
