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

/** The words of each length. */
const BY_LENGTH = Map.groupBy(WORDS, ({ length }) => length);

/** How many of the words have three letters or fewer. */
const SHORT = WORDS.filter(({ length }) => length <= 3).length;

/**
 * A word. Half of them are short, as in English, and one in seven ends a sentence: so a text comes to some four
 * characters a token, as estimates have it.
 */
export function drawWord(chance: Random): string {
  const among = chance() < 0.5 ? SHORT : WORDS.length;
  const word = WORDS[Math.floor(chance() * among)]!;
  return chance() < 1 / 7 ? `${word}.` : word;
}

/** A word of so many letters, of which there are some from 1 to 10. */
export function wordOfLength(length: number, chance: Random): string {
  const words = BY_LENGTH.get(length)!;
  return words[Math.floor(chance() * words.length)]!;
}

/** How many words open a text. */
const OPENING_WORDS = 3;

/** How many texts can be told apart by their opening words: 134 million. */
const OPENINGS = WORDS.length ** OPENING_WORDS;

/** Odd: multiplying by it reorders the numbers below {@linkcode OPENINGS}, a power of 2, and merges none. */
const MIXER = 0x2545f491;

/**
 * The words that open text number `n`, any whole number. No two texts within 134 million have the same three; of 512
 * texts in a row no two have the same first one. The seed says with which words the row begins.
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
