import type { Access, CatalogueScope, Label, ScopeCatalogue } from "../api/scope-catalogue";

/** From the widest to the narrowest; each covers those that follow. */
export const accessTypes: readonly Access[] = ["admin", "editor", "readonly"];

/** A line of the picker: a whole product or one of its features, with a scope for each type of access it offers. */
export interface PickerRow {
  id: string;
  label: Label;
  wholeProduct: boolean;
  scopes: Partial<Record<Access, string>>;
}

export interface PickerGroup {
  product: string;
  label: Label;
  rows: PickerRow[];
  /** Whether a search has left some of the product's rows out. */
  partial: boolean;
}

function scopesByAccess(scopes: CatalogueScope[]): PickerRow["scopes"] {
  return Object.fromEntries(scopes.map(({ access, scope }) => [access, scope]));
}

export function pickerGroups(catalogue: ScopeCatalogue): PickerGroup[] {
  return catalogue.products.map((product) => {
    const whole: PickerRow = {
      id: product.name,
      label: product.label,
      wholeProduct: true,
      scopes: scopesByAccess(product.scopes),
    };
    const features = product.features.map((feature) => ({
      id: `${product.name}.${feature.name}`,
      label: feature.label,
      wholeProduct: false,
      scopes: scopesByAccess(feature.scopes),
    }));
    return {
      product: product.name,
      label: product.label,
      rows: product.scopes.length > 0 ? [whole, ...features] : features,
      partial: false,
    };
  });
}

/** Folds away case and accents, as the service's own search does. */
function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase();
}

/**
 * The groups and rows that match the search by their label in the given language or by scope. If a product's name
 * matches, all of its rows stay.
 */
export function searchGroups(groups: PickerGroup[], search: string, language: keyof Label): PickerGroup[] {
  const wanted = folded(search.trim());
  if (wanted === "") return groups;
  return groups.flatMap((group) => {
    if (folded(group.label[language]).includes(wanted)) return [group];
    const rows = group.rows.filter(
      (row) =>
        folded(row.label[language]).includes(wanted) ||
        Object.values(row.scopes).some((scope) => scope.includes(wanted)),
    );
    return rows.length > 0 ? [{ ...group, rows, partial: rows.length < group.rows.length }] : [];
  });
}

type GroupState = "none" | "some" | "all";

function groupScopes(group: PickerGroup, access: Access): string[] {
  return group.rows.map((row) => row.scopes[access]).filter((scope) => scope !== undefined);
}

/**
 * Whether a group offers a choice of several rows at once, labelled "all of" the product. It doesn't while a search hides
 * some of the rows, nor for a single row, whose own box is that choice.
 */
export function isGroupChoice(group: PickerGroup, access: Access): boolean {
  return !group.partial && groupScopes(group, access).length > 1;
}

export function groupState(group: PickerGroup, access: Access, selected: ReadonlySet<string>): GroupState {
  const scopes = groupScopes(group, access);
  const chosen = scopes.filter((scope) => selected.has(scope)).length;
  if (chosen === 0) return "none";
  return chosen === scopes.length ? "all" : "some";
}

/** Selects every scope of the group with that type of access, or deselects them if all are selected. */
export function toggleGroup(group: PickerGroup, access: Access, selected: readonly string[]): string[] {
  const scopes = groupScopes(group, access);
  if (groupState(group, access, new Set(selected)) === "all") return selected.filter((each) => !scopes.includes(each));
  return [...new Set([...selected, ...scopes])];
}

export function toggleScope(scope: string, selected: readonly string[]): string[] {
  return selected.includes(scope) ? selected.filter((each) => each !== scope) : [...selected, scope];
}

const ranks = new Map<string | undefined, number>(accessTypes.map((access, rank) => [access, rank]));

function parts(scope: string): { product: string; feature: string | undefined; rank: number } {
  const [place = "", access] = scope.split(":");
  const [product = "", feature] = place.split(".");
  return { product, feature, rank: ranks.get(access) ?? -1 };
}

/** Whether resource servers accept `wide` wherever they ask for `narrow`. */
function covers(wide: string, narrow: string): boolean {
  const outer = parts(wide);
  const inner = parts(narrow);
  if (outer.product !== inner.product || outer.rank === -1 || inner.rank === -1) return false;
  return (outer.feature === undefined || outer.feature === inner.feature) && outer.rank <= inner.rank;
}

/** The selected scopes that another selected scope already covers. They do no harm, but add nothing. */
export function redundantScopes(selected: readonly string[]): string[] {
  return selected.filter((scope) => selected.some((other) => other !== scope && covers(other, scope)));
}

/** Scopes that a key has but the catalogue no longer offers. */
export function unlistedScopes(groups: PickerGroup[], selected: readonly string[]): string[] {
  const listed = new Set(groups.flatMap((group) => group.rows.flatMap((row) => Object.values(row.scopes))));
  return selected.filter((scope) => !listed.has(scope));
}
