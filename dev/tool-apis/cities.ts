/**
 * Sample data of the weather, events and restaurants APIs. Paris is written out for the demo; any other city is derived
 * from its name, so the same question always has the same answer. All of it is invented.
 */

/** One day of a forecast. */
export interface Weather {
  readonly city: string;
  readonly temperature_c: number;
  readonly condition: string;
  readonly wind_kmh: number;
  readonly forecast: readonly {
    readonly day: number;
    readonly high_c: number;
    readonly low_c: number;
    readonly condition: string;
  }[];
}

/** One event. */
export interface CityEvent {
  readonly name: string;
  readonly date: string;
  readonly venue: string;
  readonly price_eur: number;
}

/** One restaurant. */
export interface Restaurant {
  readonly name: string;
  readonly cuisine: string;
  readonly rating: number;
  readonly price_eur: number;
  readonly district: string;
}

const CONDITIONS = ["sunny", "partly cloudy", "cloudy", "light rain", "clear"];
const EVENTS = [
  "Jazz by the River",
  "Night at the Museum",
  "Old Town Market",
  "Chamber Music Evening",
  "Photo Days",
];
const VENUES = [
  "City Hall",
  "Grand Theatre",
  "Harbour Stage",
  "Botanical Garden",
  "Central Library",
];
const CUISINES = ["french", "italian", "japanese", "indian", "vegetarian"];
const PARIS_EVENTS: readonly [string, string, number][] = [
  ["Autumn Jazz Nights", "Cave des Martyrs", 24],
  ["Impressionists after Dark", "Galerie du Quai", 16],
  ["Left Bank Book Fair", "Place des Lettres", 0],
  ["Organ Recital by Candlelight", "Chapelle Saint-Loup", 18],
];
const PARIS_RESTAURANTS: readonly Restaurant[] = [
  { name: "La Table d'Odette", cuisine: "french", rating: 4.8, price_eur: 62, district: "6e" },
  { name: "Le Petit Gouvernail", cuisine: "french", rating: 4.7, price_eur: 48, district: "11e" },
  { name: "Chez Armandine", cuisine: "french", rating: 4.6, price_eur: 39, district: "5e" },
  {
    name: "Brasserie du Vieux Pont",
    cuisine: "french",
    rating: 4.3,
    price_eur: 35,
    district: "4e",
  },
  { name: "Trattoria Pinuccia", cuisine: "italian", rating: 4.5, price_eur: 30, district: "9e" },
  { name: "Kanda Robata", cuisine: "japanese", rating: 4.4, price_eur: 44, district: "1er" },
];

/** A number from 0 to `below - 1` that depends on the text alone (FNV-1a). */
export function pick(text: string, below: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash % below;
}

function condition(seed: string): string {
  return CONDITIONS[pick(seed, CONDITIONS.length)] ?? "clear";
}

/** The weather of a city with a forecast of `days` days. */
export function weatherOf(city: string, days: number): Weather {
  const base = isParis(city) ? 12 : 5 + pick(city, 22);
  return {
    city,
    temperature_c: base,
    condition: isParis(city) ? "partly cloudy" : condition(city),
    wind_kmh: 4 + pick(`${city} wind`, 25),
    forecast: Array.from({ length: Math.min(Math.max(days, 1), 14) }, (_, index) => ({
      day: index + 1,
      high_c: base + 1 + pick(`${city} ${index}`, 4),
      low_c: base - 3 - pick(`${city} low ${index}`, 3),
      condition: condition(`${city} ${index}`),
    })),
  };
}

/** Events of a city from a day on (ISO date), soonest first. */
export function eventsOf(city: string, from: string): CityEvent[] {
  const start = new Date(`${from}T00:00:00Z`);
  const names: readonly [string, string, number][] = isParis(city)
    ? PARIS_EVENTS
    : EVENTS.slice(0, 3).map((name, index) => [
        name,
        VENUES[pick(`${city} ${index}`, VENUES.length)] ?? "City Hall",
        pick(`${city} ${name}`, 5) * 8,
      ]);
  return names.map(([name, venue, price], index) => ({
    name,
    date: new Date(start.getTime() + (index + 1) * 86_400_000).toISOString().slice(0, 10),
    venue,
    price_eur: price,
  }));
}

/** Restaurants of a city, best first, of one cuisine when it is named. */
export function restaurantsOf(city: string, cuisine: string | null): Restaurant[] {
  const all = isParis(city)
    ? PARIS_RESTAURANTS
    : CUISINES.map((kind, index) => ({
        name: `${city} ${["Table", "Osteria", "Izakaya", "Spice House", "Garden"][index] ?? "Table"}`,
        cuisine: kind,
        rating: 3.8 + pick(`${city} ${kind}`, 11) / 10,
        price_eur: 18 + pick(`${kind} ${city}`, 50),
        district: "centre",
      }));
  const wanted = cuisine?.toLowerCase() ?? null;
  return all
    .filter((one) => wanted === null || one.cuisine === wanted)
    .toSorted((left, right) => right.rating - left.rating);
}

function isParis(city: string): boolean {
  return city.trim().toLowerCase() === "paris";
}
