/** What is stored, listed as Prometheus' HTTP API lists it: names, values, label sets; as bytes, in pieces as a query's answer. */
import type { Labels } from '../labels.ts'
import { JsonBytes } from './json-bytes.ts'
import { type Body, caveatsJson } from './render-answer.ts'

const LABELS_BYTES = 256
const TEXT_BYTES = 24

/** A body with a list of texts. */
export function renderTexts(texts: readonly string[], warnings: readonly string[] = []): Body {
  return listed(texts.length, TEXT_BYTES, warnings, (out, i) => out.text(texts[i]!))
}

/** A body with a list of label sets. */
export function renderLabelSets(sets: readonly Labels[], warnings: readonly string[] = []): Body {
  return listed(sets.length, LABELS_BYTES, warnings, (out, i) => out.labels(sets[i]!.flat))
}

function listed(
  count: number,
  eachBytes: number,
  warnings: readonly string[],
  write: (out: JsonBytes, i: number) => void,
): Body {
  const caveats = caveatsJson(warnings, [])
  return {
    points: count,
    *pieces() {
      const out = new JsonBytes(64 + count * eachBytes + caveats.length)
      out.ascii('{"status":"success","data":[')
      for (let i = 0; i < count; i++) {
        if (i > 0) out.ascii(',')
        write(out, i)
        if (out.hasFull) yield* out.takeFull()
      }
      out.ascii(']')
      out.json(`${caveats}}`)
      yield* out.takeAll()
    },
  }
}
