/** Of HTTP/1 or HTTP/2; by what they are like, so that nothing is loaded to ask. */
export function isHttpServer(server: unknown): server is object {
  return (
    typeof server === 'object' &&
    server !== null &&
    (('keepAliveTimeout' in server && 'maxHeadersCount' in server) || 'updateSettings' in server)
  )
}
