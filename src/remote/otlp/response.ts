/**
 * Answers of OTLP/HTTP, in the encoding of the request.
 *
 *   ExportMetricsServiceResponse { 1: ExportMetricsPartialSuccess }
 *   ExportMetricsPartialSuccess  { 1: int64 rejected_data_points, 2: error_message }
 *   google.rpc.Status            { 1: code, 2: message }
 *
 * Source: opentelemetry-specification: protocol/otlp.md, "OTLP/HTTP Response"; google/rpc/code.proto.
 */
import { ProtoWriter } from '#core'

export type OtlpEncoding = 'protobuf' | 'json'

export type OtlpAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const MEDIA_TYPES: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}

/** Codes of gRPC by the status that HTTP has for them. */
const CODES = { 400: 3, 413: 8, 415: 12, 503: 14 } as const
export type FailureStatus = keyof typeof CODES

/** All was taken, or what was not is told: trying again would not help. */
export function success(
  encoding: OtlpEncoding,
  rejected?: { readonly points: number; readonly why: string },
): OtlpAnswer {
  if (encoding === 'json') {
    const partialSuccess =
      rejected === undefined
        ? {}
        : { partialSuccess: { rejectedDataPoints: String(rejected.points), errorMessage: rejected.why } }
    return answer(200, encoding, Buffer.from(JSON.stringify(partialSuccess)))
  }
  const writer = new ProtoWriter()
  if (rejected !== undefined) {
    writer.blockField(1, () => {
      writer.varintField(1, rejected.points)
      writer.textField(2, rejected.why)
    })
  }
  return answer(200, encoding, writer.take())
}

/** Nothing was taken. 503 alone says that trying again can help. */
export function failure(encoding: OtlpEncoding, status: FailureStatus, message: string): OtlpAnswer {
  const code = CODES[status]
  if (encoding === 'json') return answer(status, encoding, Buffer.from(JSON.stringify({ code, message })))
  const writer = new ProtoWriter()
  writer.varintField(1, code)
  writer.textField(2, message)
  return answer(status, encoding, writer.take())
}

function answer(status: number, encoding: OtlpEncoding, body: Buffer): OtlpAnswer {
  return { status, headers: { 'content-type': MEDIA_TYPES[encoding] }, body }
}
