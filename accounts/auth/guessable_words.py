"""Words that make no password: of a hospital, of dates, and in the order of the alphabet or of a keyboard."""

import re
from collections.abc import Iterator

_WORDS = """
    admin administrator ambulance appointment appointments billing booking care cashier casualty changeme clinic
    clinical consultation department desk diagnosis discharge doctor doctors emergency engine facility
    frontdesk health healthcare helpdesk hospital laboratory login matron medical medicine nurse nurses
    nursing opd outpatient password patient patients pharmacist pharmacy physician queue radiology
    reception receptionist records registration reporting schedule screening secretary session
    slot specialist staff summer supervisor surgeon surgery technician theatre therapist therapy ticket
    token tokens treatment triage visitor waiting waitinglist waitingroom ward welcome winter spring autumn monsoon
    correcthorse changeit india bharat hindustan delhi mumbai kolkata chennai bengaluru hyderabad diwali

    anaesthesia anesthesia audiology cardiac cardiologist cardiology dental dentist dermatology diabetology dialysis
    endocrinology gastroenterology geriatrics gynaecology gynecology haematology hematology hepatology
    immunology maternity neonatal nephrology neurology neurosurgery obstetrics oncology ophthalmology
    orthopaedics orthopedics otology paediatric paediatrics pathology pediatric pediatrics physiotherapy psychiatry
    psychology pulmonology radiotherapy rehabilitation rheumatology urology vaccination

    amlodipine amoxicillin antibiotic aspirin atorvastatin azithromycin cetirizine clopidogrel crocin diclofenac dolo
    dolo650 doxycycline furosemide ibuprofen insulin injection losartan medication metformin metoprolol morphine
    omeprazole ondansetron pantoprazole paracetamol penicillin prednisolone prescription ranitidine salbutamol
    simvastatin syringe tablet thyroxine tramadol vaccine vitamin warfarin

    asthma bandage bloodtest bloodpressure cancer corona coronavirus covid cough dengue diabetes fever headache
    heartbeat hypertension infection malaria migraine pneumonia pregnancy scanner stethoscope stroke thermometer
    tuberculosis ultrasound virus wheelchair
"""

_MONTHS = """
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    januar jaenner februar maerz märz mai juni juli oktober dezember okt dez
    janvier fevrier février mars avril juin juillet aout août septembre octobre novembre decembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre ene abr ago dic
    janeiro fevereiro março maio junho julho setembro outubro novembro dezembro fev set out
    gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre gen mag giu lug ott
    januari februari maart mei augustus
    जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर सितम्बर अक्टूबर अक्तूबर नवंबर नवम्बर दिसंबर दिसम्बर
"""

_DAYS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth of the
"""

WORDS = frozenset(_WORDS.split())
MONTHS = frozenset("".join(filter(str.isalnum, word)) for word in _MONTHS.split())  # as in a text that is compared
DAYS = frozenset(_DAYS.split())
_ORDINAL_ENDING = re.compile(r"(?<=[0-9])(?:st|nd|rd|th|er|eme|ste|ter|ten)(?![a-z])")

_CIRCLES = ("0123456789", "abcdefghijklmnopqrstuvwxyz")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
_MAX_LETTER_STEP = 2
_MIN_RUN = 4
"""The number of characters in a regular order that count as one."""


def unit_of(text: str) -> str:
    """Return the part that a text repeats, also when it is repeated backwards; the text itself if there is none."""
    unit = text[: (text + text).find(text, 1)] if text else ""
    half = unit[: len(unit) // 2]
    return half if half and unit == half + half[::-1] else unit


def without_runs(text: str) -> str:
    """Return the text with one character for each run in the order of the digits, the alphabet or a keyboard."""
    kept, start = [], 0
    while start < len(text):
        end = max(end for end in _ends_of_runs(text, start))
        kept.append(text[start] if end - start < _MIN_RUN else f"{text[start]} ")
        start = start + 1 if end - start < _MIN_RUN else end
    return "".join(kept)


def _ends_of_runs(text: str, start: int) -> Iterator[int]:
    yield start + 1
    for order in (*_CIRCLES, *_ROWS):
        is_circle = order in _CIRCLES
        places = [order.find(letter) for letter in text[start : start + 2]]
        if len(places) < 2 or min(places) < 0:
            continue
        step = places[1] - places[0]
        if is_circle:
            step %= len(order)
        if order[0] != "0" and min(step % len(order), -step % len(order)) > (_MAX_LETTER_STEP if is_circle else 1):
            continue
        end, place = start + 1, places[0]
        while end < len(text):
            place = (place + step) % len(order) if is_circle else place + step
            if not (0 <= place < len(order)) or text[end] != order[place]:
                break
            end += 1
        yield end


def without_dates(text: str) -> str:
    """Return the text without the names of months and, if there is one, of days, and without endings of ordinals."""
    rest = _remove(text, MONTHS)
    return text if rest == text else _ORDINAL_ENDING.sub(" ", _remove(rest, DAYS))


def _remove(text: str, words: frozenset[str]) -> str:
    for word in sorted(words, key=lambda word: (-len(word), word)):
        text = text.replace(word, " ")
    return text
