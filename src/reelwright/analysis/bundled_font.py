"""Widths of the bundled font's characters. Written by scripts/font_metrics.py."""

from __future__ import annotations

import base64
import zlib
from functools import cache

from reelwright.analysis.text_layout import Metrics

MISSING = 600
_PACKED = (
    "c-qxnS#sn!4!w{+#9a!XM(h2LFcSG5NHCR_J$A?RL`75<B#JAD9Vk0|3?IhrpXU0VO!-~c{Of$ozcvA03hagg8{^L3^U"
    "qkGo5QQ`q~ADcI9%gQ=+^+Yb-di~+0Q-}cwX^azPHPad05O3?c9Oqsldlj`nQ0mq5Rsdv<s!Z-LXE5Yr~@91>dLg+(ta"
    "#Ry9AjZGbo34zTP~FbXc~HnM*<20fmQ-S`RnI_T$VF8vs^_YUWTan`+QclG0Qdwy>w^fTbR#!<HqWjyC>`3|rhHiai#p"
    "Ww~8K5JhP&2=Bt4dB6>Ej1Hu5DN%Z+L;dVOhx2_3tTk<qP?_J<D7`NP7NZ4dcbRofDVY~1i=LHGD3MlAkMqMt|AT*Bya"
    ";`84n2Hw%8zm!@;|Hz}S~^K>lT)3hZ7EP!NVNFBlQ;3C0B!#QY&#FYcoEO%Qohi2hr+@BgQ8Atd!8xXCNR!1L$1{1&zz"
    "cxKo8_fsKkyx=5g^8Ov1l7<7`JB#+KB8Y-F53oajFV9IpiI)$sw`JY#IQ0IKFg?LZ6R;n{xQ{~kp5U$9mp_KdP#n&u(u"
    "?7i!3ZIKfL|ELc4!96=RLd}Z|*bhnREBw37s0dbB~H~b6#@)W-#;({2*F&AM8HgGCE;Yq}Olo(t-X9J}#hd2l^k^ZvE*"
    "E9$|hM_X&SonDx0I7-z$LDEMsi&H0`8e&V|AEd%b~n?s+6&=c&7S@rWUmi7Vr<VOp>;?({b@JTmwKPgCUw|t|gWBvXA^"
    "ZP`8@W9WAC*-$}{D6XFw;%85+RJ%h{crcV8_x&e+5CncKdq;q&l7)t;HOXg>v2Dx==jsQKGE&u^!tu~lirD(M0y7L@=8"
    "Cy-k+cHxtIOu=(^c}cOLh0Yx(&p(d|*stCzQIr+{!DxSqg%JG$Q~G*9R5gzmgK$DUt>G0WFgu?hDI&Qj!h*<bP%(iP+N"
    "J()&L|Ch0oCj%4~kMU=XzXA6$K`#K^H+v^{trq$L_6rJ}9qo-`)zEqHFFTd-&9p;LS<1W&6{@v4FH`x+x;6a8yeejq@_"
    "oEf)OvZrR6dgFkrVzPc<H^`SGxiRy)u^Xfky}LZGt{VIW9u316?~npP+~FzPSN>ne$w2Gu|~{%xenzyeFPl!DEOE2F(R"
    "sEt(72!21+58f3eNg_?N&aj<VBo7FN=8}l~VH?XPdEWc+v>i=%j{kcV}r6BWj)YDvmm3cb;#Ln&0wPu4Meg<^o@jHF^<"
    "74<dQU3h<{3QQ-$bZN4@4Y!x>mZy3B6rf(1Tvj*K8LNdeYwPd#maG>LTIPCc%_U}h;t+|=i%C{RIKIKLCA2kx~wl&A-m"
    "lZFA{Sw0TEt$s}Pm^&MNdGw33;eMAXWAQ-wRDh4T8HR_25_P91Se-8y~OF74f=_WFA}+!CYO-_{ueuuhA0+g<k?I;QKF"
    "&MGu_^YmIcooJK@_v_*~6sCO8=RzeRk~xq$&I<0wA(41twj`ch2bGU?hH#C3qEW(xo1^aki0WLN>4YXwBO7Ry<bE4H?_"
    "LOCKht<?1=K=TWs=p1v}h|S@p)XnR^~En8hp1}C|X)Pu!6@PLX<Z_f46pYgZp{3_s!J%E6iY1_s%=)_gJW^^vC{ruer|"
    "dp11c^3wut@%LT10yJ1xH#e=?Zz0TviWN)q09`sa{MhcHGUdlb>dKagK$}u#;j>&Yltb=rk>$QqGS3KYEt;jxUAt9vB7"
    "|8hnZ;9Vr-%5OsdL5wqaxcTI@soHz==Md}u@$dr6{k=|B|KFAqvnfs_V?3KXqX2*{~hNWc`pwrU%>l)x;IXtKgV+=-8A"
    "$j;QP4V3;kU8G~L5H=E-?1lcF;o%C#T-Jw57_0F%Ev1%blFXWlNVfI(xe*Q!A^-E<~~*=ZAH!YSa^^R^21jz)>>a%;o-"
    "Em(Hd5BfGk6r_mhB5o(81)<`+m2XVfqyj#DZDNz#p}D7=0=c^E=kYa6QxyAyiqOMCW&3?4cjP{iT21@?J_$9OZs+Al^#"
    "{#merh^-uNvROkNDD?y7rC=bnuT=Z^4J4xs;s$1Kgi)cVEaIgj)9Zr^BaLSl>^#W52OaZpHb@`2Y_+sD%TbE}JqXxwUh"
    "R@V*S_XH8oAGFxX#0o8;F)$Ld(q*Dh|t_R+^tver@)_N0ncmL%+k5hNQ$>oX9%jcTs*P1d;zH%64+7S9T4*EIi9@~=}Q"
    ">vLdX^N&2_{wEmeh(LhNQE>3Y^3U;>j&$ygOV2O_p9!I<vgP{85_D}7B!BTyiYvL+8azN)WV>I(X+bKQ5!@vwRaxmi86"
    "kAW1w@L<H+josOt<g^ivk5EJ|6e(`iz;{a)Zhk4r;=%-;=-E>OpLSzm%D9N19bYnj$j_JPhSy6?H2Hhyd$gWBDpA?>Dt"
    "^1&=@Gv$q1wdI(wrEo;cAbO!PhUZjvc5-PtwvE#HMc0^<?v7k$q@%;?+e4X-jzfC>SDcUY+JJOYi`Y2a4acLQbLM#G_c"
    "kBQR+Ma_@n*^fpUUEtcPRpiJ^c0g?G}~k!t7lj1kgobvG*3DQD6)E-uY)K_OjB?DO9b+p6Hiir*jkRX(5#P03H0GRS6L"
    "tCEkE`v%MLAka5a9XEEB)>=MssJW4~gn&uR1)S5W<P;5fhe}<2Qw-GBGyA@ueSS8j8TQkK1TH4ueCkE`qkayxTad}u8W"
    "e3PM%-+BjI}-pq?2xZJLpFWRH(`9&ob0tzw)+j-(dCLYI=5?05_HrEI5fV^W5ak&RiA=Zubjh9k?_)NB4!q}gL-YYN#R"
    "^o%ZxsI?ledszms;sHn!qxWl*oq=l(oFi1{abyljFba2LgiK7eF-+e(OYp;dMPVv#ndLhG;h4)0U`ZqvqYk=V+X7dwcl"
    "6W*tW6Pj!fDdX`-2R)CI#?YST8vDd${I?A)7CW8MPGuaMSu!GBSB9kZ;!ds&f9T@etOe5Vu;`t-lFfZMq4lOprZC=DJI"
    "<jc@7aombsa_4*H)KhBDw=MMQt5rTM1Vg6t8#SmWEW78YZZwSRfKD8NGWZD4EH|P4~n0QKMi9M{3%0#rzI3o2-kPempu"
    "9r)7X#!fOm5%&T@{;*yEbDu(UC1cMs4zBfAl&>Hm}-4Wh`+tb}(`hI9xTbnD^Tv>kSCN-|3`-b!6cW%+JydTwbv&Nfwn"
    "Ai1Nj!(QD^>^Y&pj#hA!28cruD{6YTs$0ZFxe;IxB{`g+V8>C9`@rNX20KPml-xO-W;%2!1n+eV@5_K0^V?PxRd33EAK"
    "t$2{DMa6rXK;bssKi+~T)gr_h++?!yDjad~3vMYb3pXmk9B#c#R5m}Z*32h;R5`g@pS?E`F<g5Wf=kWjcRCXbnA6hg8p"
    ")0?v-;ln-LxBuz)7U)9tgUa!62mcG^DJI?`MHQEo1#GGdizdp!=r|`{^cT2q|I_b5h(=8iFW8;?=7QHI@Bwitmiyrw*a"
    "&Q4yc5Qi;phJR5Z}Ok`wj*Hl=dBbjc?`JjWy7l4EV50>6Y{D;lBM(zXwdCteL&Q(}fRfi7R#tpr-5@$8W(Nc<yNg`XO9"
    "Iow2&U{Hg>B!D|WtJ>0kd>Gzagvmn-x{oNNWVJg4x&X3=fb0)dJ=xWq)Y9PY}-vj8btMs;`hgZA#)S4VzhSq5pQ<+~pw"
    "VNb@!o_w=`%_!m7sT%r*}cG*AVg!AIr|UY{kgO>r|>0<=m!F+9c1j7o$RORW>XU^z^MdNq}CXVoE*X-@Z5$NfpioUtf7"
    "4#cD(=t!?)W}k))j%u?>F2ycoLm(jWW@X}j-FynNvJu<vvH%N|%{sO2+8-&#}=Od}R+-+Ba$_)!fH$LL^cLqDqTJO|>3"
    "(|-5TudOo0ab(>@-oxln{pjdV;v*nSE&kU3FP2kE`@>#vqVw~KEoN9d4-PH?{nZTCT#DJj>;bYEY=V-UQIL3{iH$KzhZ"
    "f~%>fs$>j2QLsC2CP_-INKCu}(Ba(xPRso#pu@GScM6SmC6;qbS1=O6VvCB9npkR)T9xh375=pB7PK5Br%R$x>Hi&<>Y"
    "1Qz2i~bQp@nZn=uS8&Isao2`xL-4K*R<$YQ{M<Q)(w<%e@UTzn3i5-z=oDbXq2QrHQLS8t^4=#$4K$t^C0W!+4Y_)kE+"
    "8la|DSePTGJR}{dXM1RGr0N!3&!jx_04L0y7go|1iQZkzdt3h{0{!>q?flr^>30|ehWV)wRAz#k1&%|?C>@GCh3Kq8u3"
    "s*z&}lT`E9bxizl-8y!Y@=lVSckIp(*?GXHe)4DWZJ)J8tpc^ZEUKYDK8MGky3Nk{G#<3V16c|);z$o)1y3-bTB!+%W="
    "e+d6J$>Go8K3VCP@MH2>m!$Mt_%X8P0VaN5n#$$E5`P2Y2*o%>+as;O^gZTa{*dMQ>>{BpZjCyUf=M{@W&clgJ+wZ9KY"
    "7UK9&vz-5A$ZxkwID1OHGmi!?>f$zP4`GMicl?ie?n@xn(bc^(t82`=pe2YFKWa%lv)upEy(G`73!O|I(+QCDc^c$6$S"
    "U7i4`H$1SvduG;9xq>VnF*?Nr!2<kU<XfX@j!+7LFnfHHnzJGUKf3qJxufxi|m`dm9eOg+2?VF_ax?i@9QDCGJ<K~%s7"
    "u%`_%tml|pIx)xLdUkHiMOxqc@70H>$ymLJ0p?k1%b2t`rhR#4k6E1_K%KeyXr_9*BT*>#F)Gk0q9|`ln=%`bt(QZBV^"
    "o?7)VCmvMqL6ml1I2!!>>wVki_0YR-_XWM=uh2(Ke%5HO(#azh7u(!QWKk4-=d3B#RO0bviSRE8`CmkpcK@1eL=VsjKm"
    "9Fpc}3pX?gE`e9h>qHgg>2Me!O};a&ObJ(87Y1RTsMKx1^XwA$Ik+P*JO<orx%~bC;EA@T9PL3P!k#OO+`P7}W++<rt}"
    "|=o`E4SOD7Ir~8%Q<1)k`dDEpO3B4f%tS?VV(qXY0ClO+Q1e$KrAt+gd%;F1x!!{@df<*(rWp8-HjW)|0oA*BvydFFNX"
    "vIRp!GawG~3-;st>R;5*hvCG?_j6)(zgLZqw8A+uVez$C0)EW?m1p;VLAG_S0W7Rv`SCC;$g2%k+0HG;@9_T(Nh(Q;ON"
    "$3*oXfu>{(7oxPFrs5lDn@{QOvX}BHgG^pPiqxpCKyFXgTGwNHc{EUB!Ef+C3$58AqWhY0VWNF*RTLevAQm`Ac`Ar6Ug"
    "ntNQFi3+eCaT`xF=_M`Ip&1ESGA1EM(puF?;6_L{Lr8B_BZkr}x!8>3aN-Vd>%f*|g5XH(FLsl3UaHx~0EEU_TAMw@4f"
    "aPD9Fh)1Q2lB7l#f6&P{I3SD2GGXrPegii_Dhw-~ttzQhOY&%nTLSv5Jh$ttlUvY^7p=gq3Jcq+i~?egmk^A*=T<UYg%"
    "vX_H^ZsUJBRF;W+FbdJln|&Iyy`yIcCQTD^4BhA=|%KS&D3Ro>BrFYI{fra&*X7VT7^tL;E@{thC=V0^FB;3}Kc$f~{S"
    "$K~Vr%S@Xe{I8fpH_U~ZRCHT2U#z1wW5eu}F=I*B;p4##J6<U0@--2vt4uAsg1V|kM&n1SB&)q4W`P5Qj-nvtg42Upu2"
    "nL<e(S{GxNu>%>MsfRJ6R<;Df9WDq9$#4K66Bz6hS2M_Q-Zh<eo7zdU>?%}#bYYHWI-MXLKsz=N;`uD9Mi#1?|oHpX!p"
    "*`nE_w>%FyzJZ1frD1O+Ni%{X-Qc+9f~{rFH~Ez5I<@2t$nAq~2Q&Kt#a%eni?gb^88U?V9db~;q{w@1XI-$A4JeGcdw"
    "D;)KB1$Gr?Kq8|V#;Fmb7zx|-pB4QDustb8H-2m{q>b{zkn5&h5kn(oX<GMmV;RnIXB*lF<Y?^8f=dwY1>1Ha;Pwvvh{"
    "icFGcXlIluX1`5$BrIU}ZrgFZMxG&w(cvzb67McwjC5F<@?G)4jm9itLo6%w=sjFIRan5ev$LQy@*~a?8JoTF49pk2(1"
    "GXw(yv%U^|tAo(mM%^x946~~d+kwAhSe?z{S%N6Wua&)bqWp83Z+K539d=st(oiFArqFje^6f*Bf))o@_bM0k9J6MQgC"
    "lO04B-HDx#jA6|Az#sAyX6(XuA)8oVpzX$Z`3qaomMJl_1;a>yHz?fv&3Z3Z#(N)4aO&X#+t0=HvO`u5<rcgbUG^C>2v"
    "387H`}3IjTge;I!LX+~Z&h<DuCrYku%Mx_2bqcUA8xVhc>So+N0ET12F>&q#OI1+#`Wv8ySLNV64FESP9X-I!()ro{C9"
    "$v#_2lv||sNJC}k&J7}FMXStcwJZYG6Bk{ia&O_<zoBTIy0mKI7vtNBU!ykT8zyRU|Ax+u7B{6@@V%5v5WJrBx*1o%1k"
    "qj3yQ&bK8%FSA*ZU^pj5^HRC4pz8Hq8@EFsT)P&V%7|b4=$YKQb{4ajR}+Q)8C~tIcav;bdQjn>77;K2r3wFI!>TasUS"
    "O!n~|g+`_}~P{ee<#UnW{mLu4@@e%%C@P{>c8u(&f$WZ9YkFwg^$;LvL0PXTGQ%6he0~79<fbKRUhTA3U9#MtCdxldpX"
    "qbk{zJP#K^GPa1DfnF(PjW)}nzwYn-@;RONnH-G>pD7h#66q*b2L{f63kJwbBQH^#a!f)zC0ySTJi;I4rgeuI5yfdcN5"
    "Xbo?&k!{V+;8#_^+EoLF;uSTZ;4y;dwNDHXXMsW-yHsDO|}kp!&6%YNN@%C}wYWv<IP-R>%7wD5Gtd$*ci7~Awd-T@|*"
    "7+wGHsvl+Bq|=j!9N(xX_Y!LG;L5+uX+GETfuv{|z)fEa0~Seif)2UyCpY$K$hOy@5<uy6qdgjtws`&2*!)@J<r|H!?c"
    "dWSZk;#Z9b2X@UX>|eWW4p0u5>l(bZtvRDBgQHp-lzPN!m60p>u@XoUVdxQNewT)Rp!LNm5<^MW<<=lLqlUF-yjW6Hef"
    "uf(G4EQk=wTl*7Iz#9UdpJXpCn<UG?8nLq`-Tg2FBkRD_tsexF36;j!9P9Th9;5Z&e&u~on79l5fP#K_N>khgefn$EZg"
    "kUd<D3eA|oDp4UMaj4CCekuWWs1m3(_W{$3|fm^F58qMlWevoQ`UYnL$=MpmAVHUk2zH-6xufHXx197uxszzzw|v*WEs"
    "M5HkRm~zwzGG5_~xa&HfOsCH&0NmB{@mygQwfrC=k8uV!2Sf#*#c=`r2H?Y<{f&1qEP`xSm`W0R{~Yf!HD3mn2DY&$qK"
    "`LMJ!_lTij_wa!oE|vYfG1rwJKK+*KQ!#{<?XHPT^?8qx&fLTO!n*h0UWhZ_x)BneZN@*iVdkH^5np2bfYk8Ii@E3``1"
    "Ec*y=TrID`U{t1q%K2o~h_8>ddT8+UcL(mlXD<5=|gt+xz#VP<a1D*(4>N9I1c*Z~>)=z!5aQl9N)gX9XQr5+O(Vf<oN"
    "kVM`(I?nQqOp6*4BcM3m-U6vb;Ip6lO$*06OxVEqg^<fE{ge1l5zv!}LZe)1hqC9035CY4fu|0E$#!mW?a)z8PV+^LQH"
    "tnXv%xQPCbF<w>$}!4(571Mi3%tnq=X%#;+dcve*n1W`7%#Fx{-XnwRR(4w)&Q##ZaWnd;*Ce*?j<MsRwIEJBNbjZT-M"
    "-~mF+4bSMn617JqEKaa3Q(-v@gcabUN_4GB|aW%7&!nXO)%>S=3`%Ilr=kk-xFYw_!pzg_tC|4nlp>vCU>^ndh!)cimG"
    "-!mr#%E^kY;S+^Eq6v3(UK$o>o2n;P;-WT9!XE0jc*$?obzh_^%Ai>!tESw|M}4QNskFu6_LurHwk_8)p^!zGihC2Vyb"
    "s#ILQk7SnXym?Sso24V`WuV+L@PeuXYwJF$<H#YR3k?SaN7om&8-H8#c5X)pMV8ZOmG`(W){qK4~K=$7MT-m2Il&v22W"
    "4?0Ks`LZ(>G<mBz`^4cB8Ip;<Ga}v-0^ddjsk=KV`XFpPLFlGewEbu><bzg6Mp3hYqWXa(RwlOr=(!}Om(z2K3MUaLOE"
    "++k9X^$cP1A&OlQU"
)


@cache
def metrics() -> Metrics:
    """Unpacked on first use: runs of code points of one width, each as distance, length, width."""
    found: dict[int, int] = {}
    code = 0
    for run in zlib.decompress(base64.b85decode(_PACKED)).decode("ascii").split(";"):
        distance, length, width = (int(n, 16) for n in run.split(","))
        first = code + distance
        code = first + length
        found.update(dict.fromkeys(range(first, code + 1), width))
    return Metrics(found, MISSING)
