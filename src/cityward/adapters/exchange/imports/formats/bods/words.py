"""The words of BODS, 0.2 to 0.4, in ours. All are looked up squashed."""

from __future__ import annotations

from cityward.adapters.exchange.imports.fields import spellings, squash

MECHANISMS = {
    squash(word): mechanism
    for mechanism, words in {
        "ownership": "shareholding",
        "voting": "votingRights voting-rights",
        "appointment": "appointmentOfBoard appointment-of-board",
        "management": "seniorManagingOfficial senior-managing-official",
        "contractual": "otherInfluenceOrControl controlViaCompanyRulesOrArticles rightsGrantedByContract "
        "conditionalRightsGrantedByContract influence-or-control unknownInterest unpublishedInterest",
        "trust": "settlor trustee protector beneficiaryOfLegalArrangement settlor-of-trust trustee-of-trust protector-of-trust "
        "beneficiary-of-trust other-influence-or-control-of-trust",
        "nominee": "nominee nominator",
        "state": "controlByLegalFramework",
    }.items()
    for word in words.split()
}
"""type of interest -> mechanism. `contractual`, `trust` and `nominee` only ever make control possible (docs/reach.md)."""

ECONOMIC = spellings(
    """rightsToSurplusAssetsOnDissolution rightsToProfitOrIncome enjoymentAndUseOfAssets rightToProfitOrIncomeFromAssets
        rightsToProfitOrIncomeFromAssets"""
)
SEATS = frozenset({"boardmember", "boardchair"})

KINDS = {
    "registeredentity": "company", "legalentity": "company", "state": "state", "statebody": "public-body",
    "arrangement": "group", "anonymousentity": "group", "unknownentity": "group",
}  # fmt: skip
HIDDEN = frozenset({"anonymousentity", "unknownentity", "anonymousperson", "unknownperson"})
TYPES = {
    "entity": "entity", "person": "person", "relationship": "relationship", "entitystatement": "entity",
    "personstatement": "person", "ownershiporcontrolstatement": "relationship",
}  # fmt: skip
