#!/usr/bin/env python3
"""Makes the bundled clips and clips/manifest.json again from clips/utterances.json.

Needs python3 (standard library only), libespeak-ng 1.51 with its data, sox, flac,
lame and opusenc. The same versions of these give the same bytes every time; other
versions give other bytes, and the manifest follows them.

    python3 tools/make_clips.py            makes everything, prints the sizes
    python3 tools/make_clips.py --compare  prints how far apart the clips' sounds are (needs ffmpeg)
"""

import array
import ctypes
import hashlib
import itertools
import json
import math
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import wave

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clips")
EXTENSIONS = {"wav-pcm16": "wav", "wav-mulaw": "wav", "flac": "flac", "mp3": "mp3", "ogg-opus": "opus"}
SIZE_LIMIT_BYTES = 700_000
RATE_HZ = 22050  # what espeak-ng synthesizes at; 441 samples are 20 ms
PAUSE_MS = 60  # silence inside a word's span that is longer than a stop's closure is a pause


# --- speech and the times of its words, from libespeak-ng ---


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


SYNCHRONOUS, WORD, UTF8 = 2, 1, 1
RATE, PITCH = 1, 3
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)


def open_synthesizer():
    library = ctypes.CDLL("libespeak-ng.so.1")
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, None, 0)
    if rate != RATE_HZ:
        raise RuntimeError(f"Cannot synthesize as espeak-ng must work at {RATE_HZ} Hz: current value is {rate}")
    return library


def speak(text, voice, words_per_minute=165, pitch=50):
    """Samples (16 bit, RATE_HZ) and [(position in text, sample)] of each word spoken.

    In a process of its own, as the library's sound depends on what it spoke before.
    """
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(speak_here, (text, voice, words_per_minute, pitch))


def speak_here(text, voice, words_per_minute, pitch):
    library = open_synthesizer()
    samples, marks = array.array("h"), []

    def receive(wav, count, events):
        if wav and count > 0:
            samples.frombytes(ctypes.string_at(wav, count * 2))
        for event in itertools.takewhile(lambda e: e.type != 0, (events[i] for i in itertools.count())):
            if event.type == WORD:
                marks.append((event.text_position - 1, event.audio_position * RATE_HZ // 1000))
        return 0

    callback = CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"Cannot speak as the voice must be known to espeak-ng: current value is {voice}")
    library.espeak_SetParameter(RATE, words_per_minute, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
    library.espeak_Synchronize()
    return samples, marks


def word_spans(text, samples, marks):
    """[(word, first sample, sample after its last)], pauses left out."""
    starts = []
    for match in re.finditer(r"\S+", text):
        inside = [at for position, at in marks if match.start() <= position < match.end()]
        if not inside:
            sys.exit(f"Cannot time the words of {text!r} as each must be spoken apart: {match.group()!r} is not")
        starts.append((match.group(), min(inside)))
    ends = [start for _, start in starts[1:]] + [len(samples)]
    return [(word, *sounding(samples, start, end)) for (word, start), end in zip(starts, ends)]


def sounding(samples, start, end):
    """The span without the pauses at its ends: 5 ms frames under -46 dB of the clip's peak are silent."""
    frame, floor = RATE_HZ // 200, max(map(abs, samples)) * 0.005
    loud = [at for at in range(start, end, frame) if max(map(abs, samples[at : min(at + frame, end)])) > floor]
    if not loud:
        sys.exit(f"Cannot time a word as it must sound: samples {start} to {end} are silent")
    first, last = loud[0], min(loud[-1] + frame, end)
    pause = PAUSE_MS * RATE_HZ // 1000
    is_first, is_last = not any(samples[:start]), end == len(samples)
    return (
        first if is_first or first - start > pause else start,
        last if is_last or end - last > pause else end,
    )


# --- from speech to a file ---


def compose(utterance, babble):
    """The whole clip at RATE_HZ as floats, with the spans of its words in it."""
    text = utterance["text"]
    samples, marks = speak(text, utterance["voice"], utterance["wordsPerMinute"], utterance["pitch"])
    spans = word_spans(text, samples, marks)
    first, last = spans[0][1], spans[-1][2]
    gain = utterance["peak"] / max(map(abs, samples))
    lead, tail = (utterance[key] * RATE_HZ // 1000 for key in ("leadMs", "tailMs"))
    sound = [0.0] * lead + [s * gain for s in samples[first:last]] + [0.0] * tail
    sound += [0.0] * (-len(sound) % 441)
    if "babbleSnrDb" in utterance:
        sound = mix_babble(sound, (lead, lead + last - first), babble, utterance["babbleSnrDb"])
    return sound, [(word, a - first + lead, b - first + lead) for word, a, b in spans]


def mix_babble(sound, span, babble, snr_db):
    """Adds people who talk at once, so that speech power over babble power is snr_db."""
    noise = [0.0] * len(sound)
    for index, speaker in enumerate(babble):
        samples, _ = speak(speaker["text"], speaker["voice"])
        level = rms(samples)
        for at in range(len(noise)):
            noise[at] += samples[(at + index * 9973 + 4410) % len(samples)] / level
    gain = rms(sound[slice(*span)]) / rms(noise) / 10 ** (snr_db / 20)
    return [s + n * gain for s, n in zip(sound, noise)]


def rms(samples):
    return math.sqrt(sum(s * s for s in samples) / len(samples))


def write_wav(path, sound):
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(array.array("h", (round(s * 32767) for s in sound)).tobytes())


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def encode(utterance, source, folder):
    """The clip's file, made from the wave file at RATE_HZ."""
    rate, form = utterance["sampleRateHz"], utterance["format"]
    path = os.path.join(HERE, f"{utterance['id']}.{EXTENSIONS[form]}")
    target = path if form.startswith("wav") else os.path.join(folder, "resampled.wav")
    coding = ["-e", "mu-law", "-b", 8] if form == "wav-mulaw" else ["-e", "signed", "-b", 16]
    effects = ["sinc", utterance["band"]] if "band" in utterance else []
    stereo = ["remix", "1v1", "1v0.25"] if utterance.get("channels") == 2 else []
    run("sox", "-D", source, *coding, target, *effects, "rate", "-v", rate, *stereo)
    if form == "flac":
        run("flac", "--silent", "--force", "--best", "--no-padding", "--no-seektable", "-o", path, target)
    elif form == "mp3":
        run("lame", "--quiet", "-V", utterance["vbrQuality"], "-m", "m", "-q", 0, "--noreplaygain", target, path)
    elif form == "ogg-opus":
        run("opusenc", "--quiet", "--speech", "--vbr", "--bitrate", utterance["bitsPerSecond"] // 1000, "--serial", 1, target, path)
    return path


def make(utterance, babble, folder):
    """Makes one clip; returns its entry of the manifest."""
    source = os.path.join(folder, "speech.wav")
    sound, spans = compose(utterance, babble)
    write_wav(source, sound)
    path = encode(utterance, source, folder)
    words = [{"text": word, "startMs": to_ms(a), "endMs": to_ms(b)} for word, a, b in spans]
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return {
        "id": utterance["id"],
        "file": os.path.basename(path),
        "transcript": utterance["text"],
        "voice": utterance["voice"],
        "language": "en",
        "sampleRateHz": utterance["sampleRateHz"],
        "channels": utterance.get("channels", 1),
        "format": utterance["format"],
        "durationMs": to_ms(len(sound)),
        "speechStartMs": words[0]["startMs"],
        "speechEndMs": words[-1]["endMs"],
        "words": words,
        "sha256": digest,
        "note": utterance["note"],
    }


def to_ms(samples):
    return round(samples * 1000 / RATE_HZ)


def write_manifest(clips):
    """As deno fmt would write it, so that making the clips again changes nothing."""
    path = os.path.join(HERE, "manifest.json")
    with open(path, "w") as file:
        text = json.dumps(clips, indent=2, ensure_ascii=False)
        word = r'\{\n\s+("text": .*),\n\s+("startMs": \d+),\n\s+("endMs": \d+)\n\s+\}'
        file.write(re.sub(word, r"{ \1, \2, \3 }", text) + "\n")


def make_all():
    with open(os.path.join(HERE, "utterances.json")) as file:
        source = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        clips = [make(utterance, source["babble"], folder) for utterance in source["utterances"]]
    write_manifest(clips)
    sizes = [os.path.getsize(os.path.join(HERE, clip["file"])) for clip in clips]
    for clip, size in zip(clips, sizes):
        print(f"{clip['file']:20} {size:7} bytes {clip['durationMs'] / 1000:6.2f} s  {clip['voice']}")
    print(f"{'all':20} {sum(sizes):7} bytes {sum(c['durationMs'] for c in clips) / 1000:6.2f} s")
    if sum(sizes) >= SIZE_LIMIT_BYTES:
        sys.exit(f"Cannot bundle the clips as they must stay under {SIZE_LIMIT_BYTES} bytes: current value is {sum(sizes)}")


# --- how far apart the clips sound ---

FRAME_MS = 80


def envelope(clip, frames, shift_ms=0):
    """Log energy (dB, mean removed) of the first frames of speech, of the file as decoded."""
    path = os.path.join(HERE, clip["file"])
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
    pcm = array.array("h", subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    first = (clip["speechStartMs"] + shift_ms) * 16
    parts = [pcm[first + i * FRAME_MS * 16 :][: FRAME_MS * 16] for i in range(frames)]
    levels = [20 * math.log10(rms(part) + 10) for part in parts]
    return [level - sum(levels) / frames for level in levels]


def compare():
    """Prints the root mean square difference of each pair's envelopes, at the shift that hides it best."""
    with open(os.path.join(HERE, "manifest.json")) as file:
        clips = json.load(file)
    for frames in (6, 12):
        still = {clip["id"]: envelope(clip, frames) for clip in clips}
        moved = {clip["id"]: [envelope(clip, frames, ms) for ms in (-40, -20, 0, 20, 40)] for clip in clips}
        apart = sorted(
            (min(rms([x - y for x, y in zip(still[a], other)]) for other in moved[b]), a, b)
            for a, b in itertools.permutations(still, 2)
        )
        print(f"first {frames * FRAME_MS} ms: closest pairs")
        for distance, a, b in apart[:4]:
            print(f"  {distance:5.1f} dB  {a} / {b}")


if __name__ == "__main__":
    compare() if "--compare" in sys.argv[1:] else make_all()
