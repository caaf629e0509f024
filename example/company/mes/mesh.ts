/**
 * 3D models as the company takes them: binary STL, or a part described by its measures.
 *
 * A mesh is a flat column of vertices, nine numbers a triangle, in millimetres.
 */
export type Mesh = { readonly vertices: Float64Array; readonly triangles: number }

/** A part from the catalogue's configurator: a box twisted over its height, in millimetres and degrees. */
export type Shape = { readonly width: number; readonly depth: number; readonly height: number; readonly twist: number }

const HEADER_BYTES = 84
const TRIANGLE_BYTES = 50
export const MAX_TRIANGLES = 80_000

/** Throws a sentence that says what is wrong with the file. */
export function parseStl(bytes: Uint8Array): Mesh {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.byteLength < HEADER_BYTES) throw new Error('the model is shorter than an STL header')
  const triangles = view.getUint32(80, true)
  if (triangles === 0 || triangles > MAX_TRIANGLES)
    throw new Error(`the model says it has ${triangles} triangles; 1 to ${MAX_TRIANGLES} are taken`)
  if (bytes.byteLength !== HEADER_BYTES + triangles * TRIANGLE_BYTES)
    throw new Error(`the model says it has ${triangles} triangles, but is ${bytes.byteLength} bytes long`)
  const vertices = new Float64Array(triangles * 9)
  for (let t = 0; t < triangles; t++) {
    for (let i = 0; i < 9; i++) {
      const value = view.getFloat32(HEADER_BYTES + t * TRIANGLE_BYTES + 12 + i * 4, true)
      if (!Number.isFinite(value)) throw new Error(`triangle ${t} of the model has a corner that is no number`)
      vertices[t * 9 + i] = value
    }
  }
  return { vertices, triangles }
}

/** The inverse of `parseStl`, to the precision of 32 bits; normals are left zero, which readers compute themselves. */
export function formatStl({ vertices, triangles }: Mesh): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + triangles * TRIANGLE_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(80, triangles, true)
  for (let t = 0; t < triangles; t++) {
    for (let i = 0; i < 9; i++)
      view.setFloat32(HEADER_BYTES + t * TRIANGLE_BYTES + 12 + i * 4, vertices[t * 9 + i]!, true)
  }
  return bytes
}

/** The mesh of a configured part, closed and facing outwards, with `rings` steps over its height. */
export function meshOf({ width, depth, height, twist }: Shape, rings = 40): Mesh {
  const corners: [number, number][] = [
    [-width / 2, -depth / 2],
    [width / 2, -depth / 2],
    [width / 2, depth / 2],
    [-width / 2, depth / 2],
  ]
  const at = (ring: number, corner: number): readonly [number, number, number] => {
    const angle = ((twist * Math.PI) / 180) * (ring / rings)
    const [x, y] = corners[corner % 4]!
    return [
      x * Math.cos(angle) - y * Math.sin(angle),
      x * Math.sin(angle) + y * Math.cos(angle),
      (height * ring) / rings,
    ]
  }
  const out: number[] = []
  const triangle = (...points: readonly (readonly [number, number, number])[]) => {
    for (const point of points) out.push(...point)
  }
  for (let ring = 0; ring < rings; ring++) {
    for (let corner = 0; corner < 4; corner++) {
      triangle(at(ring, corner), at(ring, corner + 1), at(ring + 1, corner + 1))
      triangle(at(ring, corner), at(ring + 1, corner + 1), at(ring + 1, corner))
    }
  }
  triangle(at(0, 0), at(0, 2), at(0, 1))
  triangle(at(0, 0), at(0, 3), at(0, 2))
  triangle(at(rings, 0), at(rings, 1), at(rings, 2))
  triangle(at(rings, 0), at(rings, 2), at(rings, 3))
  return { vertices: Float64Array.from(out), triangles: out.length / 9 }
}
