"""The commonest words of languages: they tell which one a text is in, and nothing about what it is.

Written down by hand; words that several languages share count for each.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS = {
    "en": (
        "a about after all also an and any are as at be been but by can could did do does for "
        "from had has have he her his how i if in into is it its me my no not of on or our she "
        "should so some such than that the their them then there these they this those to was "
        "we were what when where which while who whom why will with would you your"
    ),
    "de": (
        "aber als am an auch auf aus bei bin bis da damit das dass dem den der des die doch du "
        "ein eine einem einen einer eines er es für hat ich ihr im in ist ja kann man mein mit "
        "nach nicht noch nur oder ohne schon sein sich sie sind so über um und uns vom von vor "
        "war was weil wenn wer werden wie wir wird wo zu zum zur"
    ),
    "fr": (
        "au aux avec ce ces cette comme dans de des du elle en est et eux il ils je la le les "
        "leur lui mais me même mes moi mon ne nos notre nous on ou où par pas pour plus qu que "
        "qui sa se ses son sont sur ta te tu un une vos votre vous été être"
    ),
    "es": (
        "al como con cuando de del donde el ella en entre era es esta este esto está fue ha "
        "hasta hay la las le les lo los más me mi muy no nos o para pero por porque qué que se "
        "sin sobre son su sus también te tu un una uno y ya yo él"
    ),
    "it": (
        "a al alla anche che chi ci come con cui da dal dalla degli dei del della delle di "
        "dove e è gli ha hanno ho i il in io la le lei lo loro lui ma mi mia mio nel nella noi "
        "non o per perché più quando quello questa questo se si sono sua suo sul tra tu un una "
        "uno"
    ),
    "pt": (
        "à ao aos as com como da das de dele do dos e é ela ele em entre era essa esse esta "
        "este eu foi há isso já lhe mais mas me meu minha muito na nas não no nos o os ou para "
        "pela pelo por qual quando que quem se sem ser seu sua são também te tem um uma você"
    ),
    "nl": (
        "aan al als bij daar dan dat de die dit door een en er had heb heeft het hij hoe hun "
        "ik in is je kan maar me met mijn naar niet nog nu of om onder ons ook op over te tot "
        "uit van veel voor waar was wat we wel werd wie worden ze zich zij zijn zo zonder"
    ),
    "sv": (
        "alla att av de dem den denna det detta din du där efter ej eller en ett från för ha "
        "han har hon här i icke inte jag kan man med men mig min mot mycket nu när och om på "
        "sig sin ska som så till under upp ut var vi vid vill är över"
    ),
    "da": (
        "af alle at blev da de dem den denne der det dig din du efter eller en er et for fra "
        "ham han har hun hvad hvor i ikke jeg kan man med men mig min mod nu når og også om op "
        "på sig sin skal som så til ud under var vi vil være"
    ),
    "nb": (
        "alle at av ble da de dem den denne der det din du eller en er et etter for fra ha han "
        "har hun hva hvor hvordan i ikke jeg kan man med meg men min mot nå når og også om opp "
        "på seg sin skal som så til under ut var vi vil være"
    ),
    "fi": (
        "ei ja joka jos kanssa kuin kun me minä mitä mukaan mutta myös ne niin nyt ole oli on "
        "ovat se sekä sen siitä sinä tai tämä vain vaan voi"
    ),
    "ru": (
        "а без был была были было быть в вам вас во вот все вы где да для до его ее если есть "
        "еще же за и из или им их к как когда кто ли меня мне мы на не него нет но о об он она "
        "они от по при с со так там то только у уже что чтобы это этот я"
    ),
    "pl": (
        "a ale bo być ci co czy dla do gdy gdzie go i ich jak jako jego jej jest jeszcze już "
        "która które który ma mnie na nie nim o od oraz po pod przez przy się są ta tak także "
        "tam te tego tej ten to tu tylko tym w we z za że"
    ),
    "tr": (
        "ama bana ben bir biz bu çok da daha de değil diye en gibi hem hep her için ile ise "
        "kadar ki kim mi mu ne neden o olan olarak oldu onlar sen siz şey şu ve veya ya"
    ),
    "hu": (
        "a az azt be csak de egy el én ez ezt és fel ha hogy is itt ki le lehet már meg mert "
        "mi mint most nem én ő ők s sem te van volt vagy"
    ),
    "cs": (
        "a aby ale ani až bez bude by byl být co do i já jak jako je jeho jen jsem jsou k kde "
        "když který má na nebo není o od po pro při s se si tak ten to v ve za ze že"
    ),
    "ro": (
        "a acest această al ale am ar are au ca care ce cei cu că de din dar este eu fi fost "
        "la le mai nu o pe pentru prin sa sau se si sunt un una unei unui va și în"
    ),
    "id": (
        "ada adalah akan aku anda atau bahwa bisa dalam dan dari dengan di dia ini itu juga "
        "kami karena ke kita lebih mereka pada saya sebagai sudah tidak untuk yang"
    ),
}

FUNCTION_WORDS: Mapping[str, frozenset[str]] = {
    tag: frozenset(words.split()) for tag, words in _WORDS.items()
}
