export { encodeWriteRequest } from './encode-write-request.test-support.ts'
export { decodeWriteRequest, type WriteRequest, type WriteSeries } from './write-request.ts'
