// Prometheus' HTTP API, and the time that the picture shows.
const address = new URLSearchParams(location.search);
const end = Number(address.get('end') || Date.now() / 1000);

export const span = () => ({ start: end - 60 * Number(address.get('minutes') || 180), end });

export async function prometheus(path, parameters) {
  const answer = await (await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') throw new Error(`${answer.error}: ${parameters.query ?? ''}`);
  return answer.data;
}
