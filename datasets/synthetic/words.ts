import { type Random, random } from "../../plugins/mod.ts";

/** Common English words, shortest first: most tokenizers have a token for each. */
export const WORDS: readonly string[] = `
a
to of in it on as at by we or an up so if no he my me do go us am
the and for you was are not but had her his all one she out has him two who
may its any day did get new old see now way say use man boy own off end why
let put ask men run far sea eye sun top cut air red led got big yes car hot
map box arm ice fly cry bed job law egg sky oil key son cow lay leg dry row
age cat dog toy win ten six hat cup pen bag mud fog
that with have from they will been said each more like word make long look
over such work part take live good most very just name help turn move page
mean near head home hand high last keep city farm hard open next seem life
ease both mark book rain room fish once base hear stop face wood main girl
song road half king rock fire area wind fast step true hour game town unit
sure wait plan star free less pass care wide stay gold deep hold dark ball
note warm ship gone path sail moon roll bank hill tall cook drop sand soil
wing wild salt tail gate lake snow seed cold milk iron wall soft desk lamp
coat corn root leaf rope tone band coal tool dust coin card golf harp jazz
kite lion nest park quiz rice silk tent vase yard zinc gave trip
about other which their there first water would these write could after great
where right think three place small every found still learn plant cover sweet
house world below stood never start earth light thing study night often paper
music river carry state color image point order table north voice power south
whole space heard early reach class force sound round watch young green quick
ocean front final grass money field heart floor steel bring fresh shape blood
cross stone store sleep prove train horse dress cloud quiet glass chair black
brown speed count teach spell visit metal broad crowd trade dance guess throw
shine level chord noise smell bread knife piano robot sugar tiger uncle wheat
zebra honey jewel lemon maple novel olive pearl queen
mother listen yellow number people little father answer school should system
market letter animal simple travel follow figure notice ground minute strong
moment happen street winter summer spring autumn garden window silver bottle
basket bridge castle desert engine flight guitar harbor island jacket ladder
magnet needle orange pencil rabbit saddle temple tunnel valley wallet
kitchen another country between through thought picture science special
against surface morning several product machine nothing weather hundred
example brother distant history journey kingdom library mineral natural
outside pattern quarter railway station theater uniform village western
sentence together children mountain question complete distance remember
possible thousand language interest material daughter exercise industry
property triangle hospital keyboard umbrella
important beautiful different difficult direction afternoon challenge
dangerous knowledge
government understand everything experience difference basketball
`.trim().split(/\s+/);

/** The words by their length. */
const BY_LENGTH = Map.groupBy(WORDS, ({ length }) => length);

/** Number of words of at most three letters. */
const SHORT = WORDS.filter(({ length }) => length <= 3).length;

/**
 * Draws a word. Half of them are short, as in English, and one in seven ends a sentence, so that a text has about
 * four characters a token.
 */
export function drawWord(draw: Random): string {
  const count = draw() < 0.5 ? SHORT : WORDS.length;
  const word = WORDS[Math.floor(draw() * count)]!;
  return draw() < 1 / 7 ? `${word}.` : word;
}

/** Draws a word of 1 to 10 letters. */
export function wordOfLength(length: number, draw: Random): string {
  const words = BY_LENGTH.get(length)!;
  return words[Math.floor(draw() * words.length)]!;
}

/** Number of words in an opening. */
const OPENING_WORDS = 3;

/** Number of different openings: 134 million. */
const OPENINGS = WORDS.length ** OPENING_WORDS;

/** An odd number: multiplying by it permutes the numbers below {@linkcode OPENINGS}, a power of 2. */
const MIXER = 0x2545f491;

/**
 * Returns the words that open text number `n`, any integer. No two texts within 134 million have the same three words;
 * of 512 consecutive texts no two have the same first word. The seed determines where the sequence begins.
 */
export function openingsOf(seed: number): (n: number) => string[] {
  const start = Math.floor(random(seed, "synthetic/openings")() * OPENINGS);
  return (n) => {
    const code = (Math.imul(n, MIXER) + start) & (OPENINGS - 1);
    return Array.from(
      { length: OPENING_WORDS },
      (_, i) => WORDS[Math.floor(code / WORDS.length ** i) % WORDS.length]!,
    );
  };
}
