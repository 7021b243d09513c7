# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the guide's training data (data/*.jsonl) and turns it into training samples."""
import glob
import json
import os
import random
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def load(without=()):
    """All entries as {"id", "turns": [{"q": [...], "a": "..."}, ...]}, checked.

    A line {"as": id, "q": [...]} adds phrasings to the single question of another entry.
    """
    entries, seen, later = [], {}, []
    for path in sorted(glob.glob(os.path.join(HERE, "data", "*.jsonl"))):
        if os.path.basename(path) in without:
            continue
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                if not line.strip():
                    continue
                e = json.loads(line)
                if "as" in e:
                    later.append(e)
                    continue
                turns = e["turns"] if "turns" in e else [{"q": e["q"], "a": e["a"]}]
                where = f"{os.path.basename(path)}:{number}"
                assert e["id"] not in seen, f"{where}: id {e['id']} twice"
                for t in turns:
                    t["q"] = [q.strip() for q in t["q"]]
                    t["a"] = t["a"].strip()
                    assert t["q"] and t["a"] and all(t["q"]), where
                    assert "\n\n" not in t["a"] and not any("\n" in q for q in t["q"]), where
                entries.append({"id": e["id"], "turns": turns})
                seen[e["id"]] = entries[-1]
    for e in later:
        (turn,) = seen[e["as"]]["turns"]
        turn["q"] += [q.strip() for q in e["q"] if q.strip() not in turn["q"]]
    return entries


BEFORE = ["please ", "hi, ", "hello, ", "hey ", "hey, ", "ok, ", "so ", "um, ", "quick question: ", "question: ",
          "can you tell me ", "could you tell me ", "please tell me ", "tell me ", "i want to know ",
          "i would like to know ", "do you know ", "i wonder ", "one more thing: ", "sorry, ", "and ", "well, ",
          "help: ", "excuse me, ", "just curious, ", "i am new here, ", "explain ", "now "]
AFTER = [" please", " please?", " thanks", ", thanks", " thank you", " in rookery", " in this app", " here",
         " exactly", " actually", " again", " then", " anyway", ", please explain", "...", "!", "??", " ?", " :)"]
# words that mean nearly the same in this subject; any may stand for any other of its line
SAME = [line.split(",") for line in """
program,app,application,software,tool
chat,conversation,dialogue,discussion,talk,thread
chats,conversations,dialogues,discussions,talks
delete,remove,erase,throw away,get rid of,discard,trash
deleted,removed,erased,discarded,thrown away,trashed
start,begin,launch,open,create
started,begun,launched
show,display,list,present,print
save,store,keep,preserve,persist
saved,stored,kept,preserved,persisted
quick,fast,rapid,speedy
faster,quicker,speedier
slow,sluggish,laggy
speed,performance,rate,throughput,pace
picture,image,photo
folder,directory,path,location
folders,directories
answer,reply,response,output
answers,replies,responses
message,question,prompt,input
find,locate,see,look up,discover
big,large,huge,heavy
bigger,larger
biggest,largest
small,little,tiny
smaller,tinier
smallest,tiniest
size,footprint,dimensions
computer,machine,pc,laptop,notebook,hardware,desktop
change,switch,set,alter,adjust,modify,configure
choose,select,pick
stop,halt,interrupt,cancel,abort,end,cut short
need,require,want,must have
needs,requires,takes,uses,consumes
need,take,use,consume,occupy
broken,damaged,corrupt,corrupted,faulty,bad
crash,die,blow up,break down
error,problem,failure,fault,trouble
fails,breaks,does not work
internet,network,online connection,wifi
offline,without internet,with no connection
download,fetch,get,obtain
open,load,import,bring in
loaded,opened
mean,stand for,denote,signify,refer to
meaning,sense,significance
explain,describe,tell me about,clarify,define
use,using,utilise
using,with
possible,allowed,feasible
memory,ram
memory needed,memory usage,memory consumption,ram requirement
hotkey,shortcut,key combination,keystroke
shortcuts,hotkeys,key combinations,keys
terminal,command line,shell,console
command,instruction,call
commands,verbs,subcommands
option,flag,switch,parameter
options,flags,switches
window,gui,interface
model,network,checkpoint,weights
model,llm,language model,ai
models,checkpoints,networks
model file,weights file,checkpoint,weights
file,document
files,documents
file types,formats,file formats,extensions,kinds of file
format,type,encoding
sizes,variants
official,original,genuine,published
benchmark,measure,test,measurement
benchmark,performance test,speed test
results,numbers,figures,measurements
result,outcome,figure
runs,repetitions,repeats
export,save,write out
share,send,publish,submit
sent,transmitted,uploaded,transferred
chart,graph,diagram,plot
charts,graphs,diagrams,plots
number of,count of,how many,amount of
how big,how large,what size
how long,how much time
how often,at what interval,how frequently
how fast,how quickly,at what speed
maximum,limit,upper bound,ceiling
limit,restriction,bound
limited,bound,capped,restricted
default,standard,usual,preset
free,gratis,without cost,free of charge
cost,price,pay
licence,license,legal terms,terms
private,confidential,secret
privacy,confidentiality,data protection
account,registration,login,sign up,user name
telemetry,tracking,usage statistics,spying
install,set up,setup,get running
installed,set up
build,compile,make
update,upgrade
supported,accepted,handled,available,working
supports,accepts,handles,can do
support,accept,handle
graphics card,gpu,video card
gpu,graphics card,nvidia card,cuda card
cpu,processor
cores,threads
new,fresh,another,empty
old,earlier,previous,former,past
again,once more,anew,a second time
lost,gone,missing,vanished
lose,miss
crashes,dies,breaks
power cut,power failure,blackout,outage
restore,recover,bring back,get back
backup,safety copy,copy
bin,trash,recycle bin
grow,increase,get bigger,swell
remember,recall,keep in mind
forget,lose,no longer know
forgets,loses
made,created,developed,invented,written
author,inventor,creator,developer,maker
who made,who created,who invented,who wrote,who developed
appearance,look,theme
dark,black,night
language,tongue
temperature,randomness
deterministic,reproducible,repeatable,always the same
same,identical,equal
repeat,say again
repeats itself,loops,says the same
layers,blocks
parameters,weights
width,dimension
version,release
versions,releases,generations
server,headless machine,remote machine
safe,secure,harmless
dangerous,unsafe,risky,malicious
code,script
recommended,advised,sensible,best,suggested
recommend,suggest,advise
which,what
best,right,most suitable
good,suitable,fine
work,run,function
works,runs
happens,occurs
page,screen,tab,view
pages,screens,tabs
left,left side
button,control
press,hit,push,click
type,write,enter
writing,generating,producing
reading,processing
write,generate,produce
line break,new line,newline
text,words
difference,distinction
difference between,compare
reason,cause
why,for what reason,how come
where,in which place
what is,what's,whats,define,what exactly is
how do i,how can i,how to,how would i,how does one,what is the way to,what must i do to,steps to,i want to,help me
where is,where's,where do i find,where can i find,where would i find
can i,may i,is it possible to,could i,am i able to,is there a way to,would i be able to
do i have to,must i,do i need to,am i forced to,should i
do i need,is there a need for,must i have
is there,do you have,does it have,can i get
why is,why's,how come,what makes
does rookery,does it,does the app,will rookery,will it
rookery,the app,this app,the program,this program,this software,it
i,we,one
my,the,our
the,this,that,a
can,could
will,would
is,was
much,many
in,inside,within
from,out of
about,concerning,regarding
under,below
""".strip().splitlines()]
SWAPS = {}
for group in SAME:
    for word in group:
        SWAPS.setdefault(word, []).extend(w for w in group if w != word)
SWAP_RE = re.compile(r"\b(" + "|".join(sorted(map(re.escape, SWAPS), key=len, reverse=True)) + r")\b", re.I)
NEAR = {a: b for a, b in zip("qwertyuiopasdfghjklzxcvbnm", "wqretyuoipsadfghjlkxzcvbmn")}


def typo(rng, word):
    if len(word) < 4 or not word.isalpha():
        return word
    i = rng.randrange(1, len(word) - 1)
    kind = rng.random()
    if kind < 0.35:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind < 0.65:
        return word[:i] + word[i + 1:]
    if kind < 0.85:
        return word[:i] + word[i] + word[i:]
    return word[:i] + NEAR.get(word[i].lower(), word[i]) + word[i + 1:]


STOP = set("a an the is are was do does did can could may might will would shall should i me my you your it its of to "
           "in on at for from with by and or if so then that this these those there here what which who how why when "
           "where have has had be been be am not no please tell about some any one we our they them as just".split())
# words about anything, so that a stray unknown word does not change the answer
NOISE = """actually really maybe basically currently nowadays somehow simply exactly normally usually today tomorrow
yesterday tonight morning moment minute later soon always never often friend colleague boss brother mother teacher
student people person someone anybody everyone nobody house office school home kitchen car train street city country
world garden water coffee thing stuff part piece bit kind sort case point place side end middle top bottom first last
next second third few several many most least more less enough quite rather pretty very too also only even still yet
already again almost nearly about around roughly possibly probably certainly surely perhaps honestly curious wonder
guess suppose imagine think believe feel hear heard read wrote said told asked wanted tried looking trying going
coming getting having being making taking giving seems looks sounds appears happen mine ours theirs whole entire
complete single double certain particular special ordinary regular typical correct proper true false strange weird
nice great cool awesome terrible annoying important interesting useful handy easy simple hard difficult complicated
clear obvious hidden inner outer red green blue grey white old young long short high low deep wide narrow round flat
between behind under over through during until since without against along across together apart away back forward
beginner newcomer expert user reader owner guy folks kid plain brief detailed short sentence words please kindly
briefly quickly shortly personally generally technically""".split()

# ways of asking about any subject
FRAMES = [f.strip() for f in """
what can you say about {}|i have a question on {}|{}, how does that work|explain {} to me|{} explained|say something about {}
what about {}|how about {}|{}, please|i would like to hear about {}|give me information on {}|details on {}|more on {}
i do not understand {}|what should i know about {}|{} - what is that|{}: how|{}?? no idea|my problem is {}|question regarding {}
help with {}|where can i read about {}|a word about {}|could you clarify {}|somebody asked me about {}|i wonder about {}
what is the story with {}|what is the deal with {}|summarise {}|the facts about {}|is there anything about {}|what do you know of {}
my boss wants to know about {}|suppose i want {}, what then|in case of {}, what happens|name {}|state {}|give {}|list {}|the topic is {}
remind me of {}|i forgot {}|i keep wondering about {}|any idea about {}|what would you tell a beginner about {}|do tell me about {}
""".replace("\n", "|").split("|") if f.strip()]


def content(text):
    """The words of a text that carry its subject."""
    return [w for w in re.findall(r"[A-Za-z0-9.+_*-]*[A-Za-z0-9+*]", text) if w.lower() not in STOP]


def vary(rng, q, others=(), answer="", strength=1.0):
    """One random rewording of a question.

    Synonyms, dropped and strange words, other phrasings of the same entry mixed in, key words of the
    answer, word order, typos, case, politeness, punctuation.
    """
    chance = lambda p: rng.random() < p * strength
    kind = rng.random()
    words = q.rstrip("?.! ").split()
    if kind < 0.12 * strength and others:      # some words of this phrasing, some of another one
        more = rng.choice(others).rstrip("?.! ").split()
        keep = rng.uniform(0.4, 0.9)
        q = " ".join([w for w in words if rng.random() < keep] + [w for w in more if rng.random() < keep]) or q
    elif kind < 0.18 * strength:               # key words only
        q = " ".join(content(q)) or q
        if rng.random() < 0.6:
            q = rng.choice(FRAMES).format(q)
    elif kind < 0.24 * strength and others:    # key words of several phrasings, shuffled
        bag = content(q) + content(rng.choice(others)) + content(rng.choice(others))
        bag = list(dict.fromkeys(w.lower() for w in bag))
        rng.shuffle(bag)
        q = " ".join(bag[:rng.randint(2, 6)]) or q
    elif kind < 0.30 * strength and answer:    # with key words of the answer
        bag = content(answer)
        more = rng.sample(bag, min(len(bag), rng.randint(1, 3)))
        keep = [w for w in words if rng.random() < 0.8] + more
        if rng.random() < 0.4:
            rng.shuffle(keep)
        q = " ".join(keep)
    for _ in range(2):
        if chance(0.5):
            q = SWAP_RE.sub(lambda m: rng.choice(SWAPS[m.group(0).lower()]) if rng.random() < 0.35 else m.group(0), q)
    if chance(0.35):
        words = q.split(" ")
        if len(words) > 3:
            drop = rng.choice((0.1, 0.2, 0.35))
            words = [w for w in words if rng.random() >= drop * (1.5 if w.lower() in STOP else 0.8)] or words
        q = " ".join(words)
    if chance(0.2):
        words = q.split(" ")
        for _ in range(rng.choice((1, 1, 2, 3))):
            if rng.random() < 0.35:            # a word replaced, or one added
                words[rng.randrange(len(words))] = rng.choice(NOISE)
            else:
                words.insert(rng.randrange(len(words) + 1), rng.choice(NOISE))
        q = " ".join(words)
    if chance(0.06):
        words = q.rstrip("?.! ").split(" ")
        i = rng.randrange(len(words))
        q = " ".join(words[i:] + words[:i])
    if chance(0.2):
        q = rng.choice(BEFORE) + (q[:1].lower() + q[1:] if rng.random() < 0.7 else q)
    if chance(0.12):
        q = q.rstrip("?.! ") + rng.choice(AFTER)
    if chance(0.25):
        words = q.split(" ")
        for _ in range(1 if rng.random() < 0.7 else 2):
            i = rng.randrange(len(words))
            words[i] = typo(rng, words[i])
        q = " ".join(words)
    kind = rng.random()
    if kind < 0.3 * strength:
        q = q.lower()
    elif kind < 0.33 * strength:
        q = q.upper()
    elif kind < 0.7 * strength:
        q = q[:1].upper() + q[1:]
    if chance(0.35):
        q = q.rstrip("?.! ")
        q += rng.choice(["", "", "?", ".", "?"])
    return q.strip() or "?"


def encode_chat(tok, chat, leading_zero=False, cut=None):
    """Token ids and targets of a chat [(question, answer), ...].

    targets[i] is what the model shall say after ids[i], or -1 where nothing is learnt.
    After an answer the target is always 0 (end of text), also where the chat goes on with
    "\\n\\nUser:", because that is how the app goes on from a stored state.  With `cut`, at most that
    many tokens of the last answer are kept (the choice of the answer is what is hard to learn).
    """
    ids, targets = ([0], [-1]) if leading_zero else ([], [])
    for n, (q, a) in enumerate(chat):
        head = tok.encode(("\n\n" if n else "") + f"User: {q}\n\nAssistant:")
        answer = tok.encode(" " + a)
        ids += head + answer
        targets += [-1] * (len(head) - 1) + answer + [0]
    if cut is not None and len(answer) > cut:
        drop = len(answer) - cut
        ids, targets = ids[:-drop], targets[:-drop]
    return ids, targets
