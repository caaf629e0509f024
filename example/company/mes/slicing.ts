/**
 * What a part costs to make: the model is cut into layers, and their outlines say how far the nozzle travels.
 *
 * - Pure, and honest work: every layer is intersected with every triangle, no result is thrown away.
 * - `work` (layer-triangle pairs) fixes the cost whatever the model's size, so that one price takes about the same CPU
 *   time on any model. `calibrate` finds the `work` of this machine, so that the demo behaves alike on a slow and a fast one.
 */
import type { Mesh } from './mesh.ts'

export type Slices = {
  readonly volumeMm3: number
  readonly heightMm: number
  /** Length of all outlines, for layers of `layerMm`. */
  readonly outlineMm: number
  readonly layerMm: number
}

export type Material = { readonly gramsPerCm3: number; readonly centsPerKg: number; readonly centsPerHour: number }

export type Price = { readonly cents: number; readonly minutes: number; readonly grams: number }

const MIN_LAYERS = 20
const NOZZLE_MM_PER_MINUTE = 3600
const MEASURED_ROUNDS = 90

export function slice({ vertices, triangles }: Mesh, work: number): Slices {
  let low = Infinity
  let high = -Infinity
  let sixVolumes = 0
  for (let i = 0; i < triangles * 9; i += 9) {
    const [ax, ay, az] = [vertices[i]!, vertices[i + 1]!, vertices[i + 2]!]
    const [bx, by, bz] = [vertices[i + 3]!, vertices[i + 4]!, vertices[i + 5]!]
    const [cx, cy, cz] = [vertices[i + 6]!, vertices[i + 7]!, vertices[i + 8]!]
    low = Math.min(low, az, bz, cz)
    high = Math.max(high, az, bz, cz)
    // Signed volumes of the tetrahedra to the origin (divergence theorem).
    sixVolumes += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
  }
  const layers = Math.max(MIN_LAYERS, Math.ceil(work / triangles))
  const layerMm = (high - low) / layers
  let outlineMm = 0
  for (let layer = 0; layer < layers; layer++) {
    const z = low + (layer + 0.5) * layerMm
    for (let i = 0; i < triangles * 9; i += 9) outlineMm += cutLength(vertices, i, z)
  }
  return { volumeMm3: Math.abs(sixVolumes) / 6, heightMm: high - low, outlineMm, layerMm }
}

/** A price in whole cents for `quantity` pieces; the tenth piece costs less than the first. */
export function priceOf(slices: Slices, material: Material, quantity: number): Price {
  // The layer is a measuring step here; the machine prints in layers of 0.2 mm.
  const minutesEach = (slices.outlineMm * (slices.layerMm / 0.2)) / NOZZLE_MM_PER_MINUTE
  const gramsEach = (slices.volumeMm3 / 1000) * material.gramsPerCm3
  const discount = 1 - Math.min(0.3, Math.log10(Math.max(1, quantity)) * 0.1)
  const each = (gramsEach / 1000) * material.centsPerKg + (minutesEach / 60) * material.centsPerHour
  return {
    cents: Math.ceil(each * quantity * discount),
    minutes: Math.ceil(minutesEach * quantity),
    grams: Math.round(gramsEach * quantity * 10) / 10,
  }
}

/**
 * The `work` that takes about `cpuMs` here, measured over many rounds after the compiler is warm: some systems count CPU time
 * in ticks of 10 ms. `meshes`: several, as in service, so that the code is not tuned to one. `cpuNow` is the CPU time of this
 * thread in milliseconds. Takes about half a second.
 */
export function calibrate(options: {
  readonly cpuMs: number
  readonly meshes: readonly Mesh[]
  readonly cpuNow: () => number
  readonly measuredRounds?: number
}): number {
  const { cpuMs, meshes, cpuNow, measuredRounds = MEASURED_ROUNDS } = options
  const trial = 300_000
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) slice(meshes[round % meshes.length]!, trial)
  }
  rounds(Math.ceil(measuredRounds * 0.7))
  const before = cpuNow()
  rounds(measuredRounds)
  return Math.round((trial * measuredRounds * cpuMs) / Math.max(1, cpuNow() - before))
}

/** Length of the cut of one triangle with the plane at height z; 0 where they do not meet. */
function cutLength(vertices: Float64Array, i: number, z: number): number {
  const az = vertices[i + 2]! - z
  const bz = vertices[i + 5]! - z
  const cz = vertices[i + 8]! - z
  if ((az > 0 && bz > 0 && cz > 0) || (az < 0 && bz < 0 && cz < 0)) return 0
  let count = 0
  let x0 = 0
  let y0 = 0
  let x1 = 0
  let y1 = 0
  for (let edge = 0; edge < 3; edge++) {
    const from = i + edge * 3
    const to = i + ((edge + 1) % 3) * 3
    const fz = vertices[from + 2]! - z
    const tz = vertices[to + 2]! - z
    if (fz > 0 === tz > 0) continue
    const share = fz / (fz - tz)
    const x = vertices[from]! + share * (vertices[to]! - vertices[from]!)
    const y = vertices[from + 1]! + share * (vertices[to + 1]! - vertices[from + 1]!)
    if (count++ === 0) {
      x0 = x
      y0 = y
    } else {
      x1 = x
      y1 = y
    }
  }
  return count === 2 ? Math.hypot(x1 - x0, y1 - y0) : 0
}
