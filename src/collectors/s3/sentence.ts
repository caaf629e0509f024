/** Why a bucket could not be asked, as a sentence for people. Never a key. */
import { messageOf } from '#core'
import { networkSentence } from '../where.ts'

export type BucketPlace = {
  readonly bucket: string
  /** `127.0.0.1:4568` */
  readonly host: string
  /** Where the endpoint and the keys come from: `S3_ENDPOINT`, `S3_KEY`. */
  readonly whereEndpoint: string
  readonly whereKeys: string
}

export function bucketSentence(thrown: unknown, { bucket, host, whereEndpoint, whereKeys }: BucketPlace): string {
  const name = thrown instanceof Error ? thrown.name : ''
  const status = statusOf(thrown)
  const network = networkSentence(thrown, host)
  if (network !== undefined) return `${network} The endpoint comes from ${whereEndpoint}`
  if (name === 'NoSuchBucket' || name === 'NotFound' || status === 404)
    return `there is no bucket ${bucket} at ${host}; create it, or check its name`
  if (name === 'InvalidAccessKeyId') return `the access key is not known at ${host}; check ${whereKeys}`
  if (name === 'SignatureDoesNotMatch') return `the secret key is refused at ${host}; check ${whereKeys}`
  if (name === 'RequestTimeTooSkewed') return `the clock of this machine differs too much from that of ${host}; set it`
  if (name === 'AccessDenied' || name === 'Forbidden' || status === 401 || status === 403) {
    return `access to bucket ${bucket} at ${host} is denied; check ${whereKeys}, and that they may list it (s3:ListBucket)`
  }
  if (name === 'PermanentRedirect' || status === 301)
    return `bucket ${bucket} is in another region; check the region in the definition`
  if (status !== undefined && status >= 500) return `${host} answers ${status}; the storage itself has a problem`
  return `bucket ${bucket} at ${host} cannot be asked: ${messageOf(thrown)}`
}

export function statusOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('$metadata' in thrown)) return undefined
  const metadata = thrown.$metadata as { httpStatusCode?: number } | undefined
  return metadata?.httpStatusCode
}
