"""Words of financial headlines and what they say, in their plain forms; endings are found by the scorer.

Kept by hand for this project. A word is here for what it says of a company's business: one that only tells of its share's price is not.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: good news by itself, and very good news
GOOD = _words(
    "accelerate accolade accretive achieve advance affirm agreement alliance amicable approval approve award beat benefit "
    "better bold bolster boost breakthrough bright bullish buyback calm celebrate clear collaborate collaboration compelling "
    "complete confidence confident cure deliver discover discovery dividend dominate durable ease efficient empower enable "
    "encourage endorse enhance enthusiasm exceed excellent exclusive expand expansion extend favor favorable favour "
    "favourable flourish graduate healthy help hire honor improve improvement innovate innovation innovative landmark launch "
    "lead leader leadership lucrative milestone momentum optimism optimistic outpace outperform overcome oversubscribe "
    "overweight partner partnership patent pioneer popular positive praise profitable profitability progress promise "
    "promising prosper ramp rebound recover recovery reinstate reaffirm relief renew repurchase rescue resilience resilient "
    "resolve reward robust safe secure select settle smart smooth solid solve stabilise stabilize stable sturdy succeed "
    "success successful superior support sustain thrive tie-up top trust unlock upbeat upgrade upside upswing valuable "
    "victory vindicate welcome win winner"
)
VERY_GOOD = _words("blockbuster blowout crush exceptional outstanding record-breaking smash stellar triumph windfall")

#: bad news by itself, and very bad news
BAD = _words(
    "abandon abuse accident accuse adverse allegation allege antitrust apology attrition backlash bad ban barrier bearish "
    "blame bleak blow bottleneck boycott breach breakdown bug burden cancel cancellation caution cautious challenge churn "
    "claim clash complain complaint concern conflict contamination contentious controversy contraction counterfeit critic "
    "criticise criticism criticize curtail damage danger deadlock defect defective deficiency deficit delay delinquency "
    "demote denial deny depart departure deteriorate deterioration difficult dilute dilution dim disappoint disappointment "
    "discontinue dismal dispute disrupt disruption distress divest doubt downbeat downgrade downturn drag erode erosion "
    "evacuate exit exodus expose fail failure fatal fault fear feud fine flaw foreclose freeze friction furlough glitch glut "
    "grim grounded halt harm headwind hinder hurdle hurt idle impair impairment impede inability inadequate incident infringe "
    "infringement injure injunction injury inquiry instability investigate investigation jeopardise jeopardize lag late "
    "lawsuit layoff leak liability litigation lose malfunction miss mistake missed monopoly negative nervous obsolete "
    "obstacle oppose outage outbreak overcharge overdue overhang overrun panic pause penalty pessimism pessimistic poor "
    "postpone pressure probe problem prohibit protest pullback question quit reject rejection reprimand resign resignation "
    "restate restatement restrict restriction retreat risk sabotage sanction scrutiny sell-off setback severe shortage "
    "shortfall shut shutdown skeptical slowdown sluggish soft spill stall strain stress strike struggle stumble sue suffer "
    "suspend suspension tariff tension theft threat threaten tough toxic trouble turmoil uncertain uncertainty undercut "
    "underperform underweight unable unfavorable unfavourable unprofitable unrest unsafe upset violate violation volatile "
    "vulnerable vulnerability warn warning weak weaken weakness withdraw withdrawal woe worry worse worsen writedown "
    "write-down write-off wrong"
)
VERY_BAD = _words(
    "bankrupt bankruptcy bribery catastrophe catastrophic collapse corruption crisis death default delist disaster embezzle "
    "explosion fraud fraudulent indict indictment insolvency insolvent kill liquidate liquidation ponzi recall scandal "
    "subpoena terminate termination"
)

#: of these more is better …
WANTED = _words(
    "backlog booking cash deliveries delivery demand dividend earnings eps forecast growth guidance income margin membership "
    "order outlook output payout profit production revenue result sale shipment subscriber target traffic user volume"
)
#: … and of these less
UNWANTED = _words(
    "burn charge competition complaint cost debt default deficit delinquency expense fine inflation inventory layoff "
    "liability loss outage penalty return risk shortage tariff tax unemployment vacancy"
)
#: what moves tells of the price alone beside these, or beside none of the two above
PRICE = _words("share stock price bond market index future nasdaq dow s&p adr")

UP = _words(
    "up above add ascend boost build climb double expand gain grow high higher hike improve increase jump lift more quadruple "
    "raise rally record rebound rise rose risen rocket skyrocket soar spike strengthen surge swell top triple upped widen "
    "grew ballooned balloon"
)
DOWN = _words(
    "down below contract cut decline decrease dip drop ease erode fall fell fallen halve less low lower narrow plummet plunge "
    "reduce sank shrank shrink shrunk sink slash slide slid slip slow slump soften tumble trim weaken wane"
)

NOT = _words(
    "dismisses dismissed not no never without cannot can't won't doesn't don't didn't isn't wasn't hasn't neither nor denies "
    "lacks hardly unlikely"
)
MORE = _words(
    "sharply significantly massive massively huge hugely major deeply severely strongly steeply very far dramatically serious seriously"
)
LESS = _words("slightly modestly modest somewhat partly partially minor mildly mild small little marginally limited")

#: several words that say something else than each alone
PHRASES: dict[str, float] = {
    "all time high": 0.0,
    "beat estimates": 2.0,
    "beat expectations": 2.0,
    "better than expected": 2.0,
    "better than feared": 1.0,
    "above expectations": 2.0,
    "ahead of expectations": 2.0,
    "ahead of schedule": 1.5,
    "behind schedule": -1.5,
    "below expectations": -2.0,
    "chapter 11": -2.0,
    "class action": -2.0,
    "clears the way": 1.5,
    "comes up short": -2.0,
    "data breach": -2.0,
    "death toll": -2.0,
    "fails to": -1.5,
    "falls short": -2.0,
    "fall short": -2.0,
    "fined for": -1.5,
    "going concern": -2.0,
    "higher than expected costs": -2.0,
    "halted pending": 0.0,
    "in line with": 0.0,
    "job cuts": -1.5,
    "cut jobs": -1.5,
    "lays off": -1.5,
    "meets goal": 2.0,
    "meets main goal": 2.0,
    "meets primary endpoint": 2.0,
    "miss estimates": -2.0,
    "miss expectations": -2.0,
    "no longer": -0.5,
    "out of stock": -1.0,
    "price cut": -1.0,
    "price target cut": -1.5,
    "price target raised": 1.5,
    "profit warning": -2.0,
    "raises the bar": 1.0,
    "record high": 0.0,
    "record low": 0.0,
    "safety concerns": -2.0,
    "sell off": 0.0,
    "short seller": -1.5,
    "signs deal": 1.5,
    "wins contract": 2.0,
    "steps down": -1.0,
    "stepping down": -1.0,
    "strong demand": 2.0,
    "strong": 1.0,
    "supply chain": 0.0,
    "tops estimates": 2.0,
    "turns profitable": 2.0,
    "under fire": -1.5,
    "under pressure": -1.5,
    "worse than expected": -2.0,
    "worse than feared": -2.0,
}
