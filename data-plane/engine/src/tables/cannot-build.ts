/** Why this version of the node cannot build an item. The message is the reason alone, without the item's name. */
export class CannotBuild extends Error {
  override readonly name = 'CannotBuild';
}
