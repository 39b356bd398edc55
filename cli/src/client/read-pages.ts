/** Reads all pages of a list. */
export async function readPages<Page extends { readonly nextPageToken: string }, Item>(
  read: (pageToken: string) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
): Promise<Item[]> {
  const items: Item[] = [];
  let token = '';
  do {
    const page = await read(token);
    items.push(...itemsOf(page));
    token = page.nextPageToken;
  } while (token !== '');
  return items;
}
