// Reads an archive through its generated types, without a cast: what does not compile here cannot be used anywhere.
import createClient from "openapi-fetch";
import type { paths } from "./archive";

export async function read(baseUrl: string): Promise<string[]> {
  const archive = createClient<paths>({ baseUrl, querySerializer: { object: { style: "form", explode: true } } });

  const { data, error } = await archive.GET("/v1/events", {
    params: { query: { "custom.weapons": ["gun"], excluding: { "type!": "policy" }, limit: 10 } },
  });
  if (!data) throw new Error(error.detail);
  const title: string | undefined = data.data[0].title;

  // With `fields` a record may lack any key, so that each is asked for by `?.`.
  const event = await archive.GET("/v1/events/{id}", { params: { path: { id: "evt-1" } } });
  const weapons: string[] = event.data?.custom?.weapons.map((weapon) => weapon.label) ?? [];

  const found = await archive.POST("/v1/events/query", { body: { "custom.filmed": true, sort: "-custom.rounds" } });
  if (found.data?.meta.total !== 1) throw new Error("the query found something else");
  const kind = found.data.data[0].type ?? "other";
  const without = await archive.POST("/v1/events/query", { body: { "custom.filmed": true, excluding: { "type!": [kind] } } });
  if (without.data?.meta.total !== 0) throw new Error("the query left nothing out");

  const missing = await archive.GET("/v1/events/{id}", { params: { path: { id: "evt-none" } } });
  if (!missing.error) throw new Error("there is an event that is not there");
  const problem: string = missing.error.detail;
  return [title ?? "", ...weapons, problem];
}
