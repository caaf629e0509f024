/** The door of the agent's store: recording on one side, reading from any thread on the other. */

export { addStore } from './add-store.ts'
export { type Exemplar, exemplify, MAX_EXEMPLAR_BYTES, readExemplar, type TraceIds } from './exemplars.ts'
export { Family, type FamilySpec, type LabelPairs } from './family.ts'
export { type Across, type FamilyRecord, KINDS, type Kind } from './journal.ts'
export { type LabelValues, NO_PLACE } from './label-index.ts'
export { escapeValue, OVERFLOW_LABELS, unformatLabels } from './label-text.ts'
export { DEFAULT_MAX_SERIES } from './limits.ts'
export type { SharedStore } from './memory.ts'
export { type Native, readNative } from './native.ts'
export { bucketOf, held, makeScale, type Scale, ZERO_THRESHOLD } from './scale.ts'
export {
  add,
  addToGauge,
  isAbsent,
  looseSlot,
  observe,
  observeHeld,
  type Slot,
  SUMMARY,
  seriesWidth,
  set,
  unset,
  unsetAt,
} from './slot.ts'
export { type Collector, Store } from './store.ts'
export { type FamilyView, SERIES, StoreReader } from './store-reader.ts'
